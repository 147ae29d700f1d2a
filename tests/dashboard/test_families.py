"""Child runs and groups on the pages: nested tables, tables of children, means of groups."""

import numpy as np
import pytest
from django.test import Client

from experiments import lifecycle, recording
from experiments.models import Run
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = pytest.mark.django_db

TABLE = "/p/lab/sinusoid/"


@pytest.fixture
def project():
    lab = make.make_workspace("lab", ada="member", vera="viewer")
    return make.make_project(lab, "sinusoid", main_metric="loss")


@pytest.fixture
def ada(project) -> Client:
    return signed_in("ada")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(make.make_user(name))
    return client


def ended(project, name: str, loss: float, **fields) -> Run:
    run = make.make_run(project, name, status="completed", **fields)
    steps, values = np.array([0, 1]), np.array([9.0, loss])
    points = SeriesPoints("loss", steps, 1.79e9 + steps, values)
    recording.record(run_id=run.pk, client="c", number=0, series=[points])
    return run


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def names_in(text: str) -> list[str]:
    """The runs of a table in order."""
    return [part.split('"', 1)[0] for part in text.split(' data-name="')[1:]]


@pytest.fixture
def sweep(project) -> Run:
    sweep = make.make_run(project, "sweep", status="completed")
    for name, loss in (("worse", 2.0), ("best", 1.0), ("diverged", float("nan"))):
        ended(project, name, loss, parent=sweep)
    ended(project, "fold", 3.0, parent=Run.objects.get(name="worse"))
    return sweep


def test_a_nested_table_shows_children_below_the_runs_that_are_opened(project, sweep, ada):
    make.make_run(project, "alone")
    worse = Run.objects.get(name="worse")

    assert names_in(text_of(ada, f"{TABLE}?nest=1")) == ["alone", "sweep"]
    opened = text_of(ada, f"{TABLE}?nest=1&open={sweep.pk}")
    assert names_in(opened) == ["alone", "sweep", "worse", "best", "diverged"]
    both = text_of(ada, f"{TABLE}?nest=1&open={sweep.pk},{worse.pk},nothing")
    assert names_in(both) == ["alone", "sweep", "worse", "fold", "best", "diverged"]
    assert 'aria-expanded="true" aria-label="3 child runs of sweep, shown"' in both
    assert f'href="?nest=1&amp;open={worse.pk}%2Cnothing"' in both  # folds the sweep again
    assert len(names_in(text_of(ada, TABLE))) == 6


def test_a_filter_of_a_nested_table_chooses_among_outermost_runs(project, sweep, ada):
    make.make_run(project, "alone", status="failed")

    found = text_of(ada, f"{TABLE}?nest=1&open={sweep.pk}&q=name+%3D+sweep+OR+name+%3D+best")

    assert names_in(found) == ["sweep", "worse", "best", "diverged"]
    assert names_in(text_of(ada, f"{TABLE}?nest=1&status=failed")) == ["alone"]


def test_nesting_is_offered_where_a_run_has_a_parent(project, ada):
    run = make.make_run(project)
    assert "Nest child runs" not in text_of(ada, TABLE)

    make.make_run(project, parent=run)

    assert "Nest child runs" in text_of(ada, TABLE)


def test_a_nested_table_asks_no_more_for_more_runs(project, ada, django_assert_max_num_queries):
    opened = []
    for _ in range(6):
        parent = make.make_run(project)
        opened.append(parent.pk)
        for _ in range(3):
            make.make_run(project, parent=parent)

    with django_assert_max_num_queries(38):
        text = text_of(ada, f"{TABLE}?nest=1&open={','.join(opened)}")

    assert len(names_in(text)) == 24


def test_the_page_of_a_run_shows_its_parent_and_its_children_the_best_first(sweep, ada):
    children = list(Run.objects.filter(parent=sweep).order_by("number"))

    page = text_of(ada, f"/runs/{sweep.pk}/")

    places = [page.index(f">{name}</a>") for name in ("best", "worse", "diverged")]
    assert page.count('<span class="pill better">best</span>') == 1
    assert places[0] < page.index('<span class="pill better">best</span>') < places[1]
    assert places == sorted(places)
    ordered = ",".join(children[place].pk for place in (1, 0, 2))
    assert f"/compare/?runs={ordered}" in page
    assert f'child of <a class="link" href="/runs/{sweep.pk}/">sweep</a>' in text_of(
        ada, f"/runs/{children[0].pk}/"
    )


def test_deleting_a_parent_says_that_its_children_stay(sweep, ada):
    assert "Its 3 child runs stay where they are." in text_of(ada, f"/runs/{sweep.pk}/")

    ada.post(f"/runs/{sweep.pk}/delete/")

    child = Run.objects.get(name="best")
    assert "(in the trash)" in text_of(ada, f"/runs/{child.pk}/")


def test_a_rewind_is_said_on_the_page_after_the_run_has_ended(project, ada):
    run = ended(project, "back", 1.0)
    lifecycle.resume_client_run(run, after_step=0)
    lifecycle.finish_client_run(run)

    assert "Taken back to step 0" in text_of(ada, f"/runs/{run.pk}/")
    assert "its client, which resumed it" in text_of(ada, f"/runs/{run.pk}/?tab=history")


def test_a_group_has_the_mean_over_its_runs_that_ended_in_a_number(project, ada):
    for seed, loss in enumerate((1.0, 2.0, 3.0, float("nan"))):
        ended(project, f"seed-{seed}", loss, group="g/1 <b>", seed=seed)
    lifecycle.archive(ended(project, "archived", 100.0, group="g/1 <b>"))
    ended(project, "single", 5.0, group="one")

    listed = text_of(ada, f"{TABLE}groups/")
    group = text_of(ada, f"{TABLE}groups/g/1%20%3Cb%3E/")

    assert '2.0 <span class="pm-s">± 1.0</span>' in listed
    assert "+ 1 NaN" in listed
    assert '<td class="n">5</td><td class="n">1</td>' in listed
    assert 'href="/p/lab/sinusoid/groups/g/1%20%3Cb%3E/"' in listed
    assert "N = 3 of 4 runs; 1 ended in NaN or infinity" in group
    assert "<b>" not in group.split("<h1>")[1].split("</h1>")[0]
    assert group.index(">seed-0<") < group.index(">seed-1<") < group.index(">seed-3<")
    assert "archived" not in group


def test_a_group_that_is_not_there_and_one_of_a_foreign_project_are_not_found(project, ada):
    elsewhere = make.make_project(make.make_workspace("elsewhere", eve="admin"), "secret")
    ended(elsewhere, "theirs", 1.0, group="g")

    assert ada.get(f"{TABLE}groups/g/").status_code == 404
    assert ada.get("/p/elsewhere/secret/groups/").status_code == 404
    assert ada.get("/p/elsewhere/secret/groups/g/").status_code == 404


def test_members_put_runs_into_a_group_singly_and_together_and_viewers_do_not(project, ada):
    runs = [make.make_run(project) for _ in range(3)]

    ada.post(f"/runs/{runs[0].pk}/group/", {"group": "first"})
    ada.post(f"{TABLE}runs/", {"action": "group", "group": "many", "run": [runs[1].pk, runs[2].pk]})

    assert [run.group for run in project.runs.order_by("number")] == ["first", "many", "many"]
    refused = signed_in("vera").post(f"/runs/{runs[0].pk}/group/", {"group": "x"})
    assert refused.status_code == 403
    assert 'class="link" href="/p/lab/sinusoid/groups/first/"' in text_of(
        signed_in("vera"), f"/runs/{runs[0].pk}/"
    )


def test_a_project_without_groups_says_how_to_make_one(project, ada):
    assert "No groups yet" in text_of(ada, f"{TABLE}groups/")
    assert f"{TABLE}groups/" not in text_of(ada, TABLE)
