"""The run table page: groups, a baseline, columns as arranged, CSV, and all that match."""

import csv
import io
import re

import numpy as np
import pytest
from django.test import Client

from experiments import recording
from experiments.models import Run
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = pytest.mark.django_db

TABLE = "/p/lab/sinusoid/"
EVIL = "<script>alert('x')</script>"


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


def made(project, name, losses=(), **fields) -> Run:
    run = make.make_run(project, name, **{"status": "completed", **fields})
    if losses:
        steps, values = np.arange(len(losses)), np.array(losses, float)
        points = [SeriesPoints(key, steps, 1.79e9 + steps, values) for key in ("loss", "acc")]
        recording.record(run_id=run.pk, client="c", number=0, series=points)
    return run


def page(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(f"{TABLE}?{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def plain(text: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def columns_of(text: str) -> list[str]:
    """The columns of the table in order."""
    head = text.partition("<thead")[2].partition("</thead>")[0]
    return re.findall(r' data-column="([^"]*)"', head)


@pytest.fixture
def runs(project):
    return [
        made(project, "a", [3.0, 1.0], params={"lr": 0.1, "seed": 0}),
        made(project, "b", [3.0, 2.0], params={"lr": 0.1, "seed": 1}),
        made(project, "c", [9.0, 4.0], params={"lr": 0.2, "seed": 0}),
    ]


def test_groups_show_mean_deviation_and_n_and_what_varies(ada, runs):
    text = page(ada, "group=params.lr&col=metrics.loss&col=params.seed&col=params.lr&col=created")

    said = plain(text.partition("<tbody")[2].partition("</tbody>")[0])
    assert re.search(r"1 lr 0\.2 4 N=1 0 2 lr 0\.1 1\.50 ± 0\.71 sd N=2 varies", said), said
    assert columns_of(text) == ["metrics.loss", "params.seed"]
    assert "1–2 of 2 groups, 3 runs" in plain(text)
    assert "group=params.lr" in text.partition('aria-label="Status"')[2]


def test_an_opened_group_shows_its_runs_and_the_way_to_all_of_them(ada, runs):
    text = page(ada, f"group=params.lr&open={runs[0].pk}&q=metrics.acc+IS+NOT+NULL")

    assert re.findall(r'data-name="([^"]*)"', text) == ["b", "a"]
    query = re.search(r'href="(\?[^"]*)">In a list of their own', text)
    assert query
    shown = page(ada, query[1].removeprefix("?").replace("&amp;", "&"))
    assert re.findall(r'data-name="([^"]*)"', shown) == ["b", "a"]


@pytest.mark.parametrize("value", [EVIL, 'say "hi" \\', "", "a, b", "0.5"])
def test_whatever_a_group_is_of_leads_to_its_runs(ada, project, value):
    run = made(project, "odd", params={"net, or.so": value})
    made(project, "other", params={})

    text = page(ada, f"group=params.net%252C+or.so&open={run.pk}")

    assert EVIL not in text
    query = re.search(r'href="(\?[^"]*)">In a list of their own', text)
    assert query
    shown = page(ada, query[1].removeprefix("?").replace("&amp;", "&"))
    assert re.findall(r'data-name="([^"]*)"', shown) == ["odd"]


def test_everything_but_the_seed_groups_by_code_and_params(ada, runs):
    text = plain(page(ada, "group=seedless&group=params.lr&sort=duration"))

    assert "b and 1 more" in text
    assert "of 2 groups, 3 runs" in text


def test_a_field_that_runs_are_not_grouped_by_is_refused_with_a_sentence(ada, runs):
    text = page(ada, "group=metrics.loss")

    assert "Runs are not grouped by &#x27;metrics.loss&#x27;" in text


def test_a_baseline_stays_on_top_and_others_say_how_far_they_are(ada, runs):
    query = f"col=metrics.loss&col=metrics.acc&col=metrics.other&baseline={runs[1].pk}"
    text = page(ada, f"{query}&q=name+!%3D+b")

    top, _, rows = text.partition('<tbody class="baseline">')[2].partition("</tbody>")
    assert "baseline</span>" in top
    assert f'data-live="baseline {runs[1].pk} metrics.loss">2<' in top
    said = plain(rows)
    assert "c 4 +2 ▼ worse 4 +2 ▲ better –" in said
    assert "a 1 −1 ▲ better 1 −1 ▼ worse –" in said


def test_the_reader_switches_which_way_is_better(ada, runs):
    query = f"col=metrics.loss&baseline={runs[1].pk}&better=loss:max"
    text = page(ada, query)

    assert "4 +2 ▲ better" in plain(text)
    assert "sort=metrics.loss&amp;dir=desc" in text.partition("<thead")[2]
    assert "better=loss%3Amax" in text.partition("<thead")[2]


def test_a_baseline_that_is_gone_or_of_another_project_is_said_to_be(ada, project, runs):
    foreign = made(make.make_project(make.make_workspace("far"), "x"), EVIL)

    for run_id in ("nothere", foreign.pk):
        text = page(ada, f"baseline={run_id}")
        assert "The baseline of this address is not in this project any more." in text
        assert "alert(" not in text


def test_columns_stand_as_the_form_arranges_them_pinned_ones_first(ada, runs):
    sent = "col=status&col=params.lr&col=metrics.loss&order=metrics.loss&order=status"

    assert columns_of(page(ada, sent)) == ["metrics.loss", "status", "params.lr"]
    moved = page(ada, f"{sent}&move=left:params.lr")
    assert columns_of(moved) == ["metrics.loss", "params.lr", "status"]
    pinned = page(ada, f"{sent}&pin=params.lr&pin=nothere")
    assert columns_of(pinned) == ["params.lr", "metrics.loss", "status"]
    assert columns_of(page(ada, f"{sent}&move=up:status")) == columns_of(page(ada, sent))
    answer = ada.get(f"{TABLE}?{sent}&move=right:metrics.loss", headers={"HX-Request": "true"})
    assert "col=status&col=metrics.loss&col=params.lr" in answer["HX-Push-Url"]


def test_the_best_of_a_metric_is_its_minimum_or_maximum(ada, runs):
    text = page(ada, "col=metrics.loss(best)&col=metrics.acc(best)&better=acc:min")

    assert columns_of(text) == ["metrics.loss(min)", "metrics.acc(min)"]
    assert columns_of(page(ada, "col=metrics.acc(best)")) == ["metrics.acc(max)"]
    assert "<small>@1</small>" in text


def test_csv_has_all_runs_of_the_table_in_its_columns_and_order(ada, runs):
    answer = ada.get(f"{TABLE}runs.csv?q=params.lr+<+1&sort=metrics.loss&col=metrics.loss&limit=1")

    assert answer["Content-Disposition"] == 'attachment; filename="sinusoid-runs.csv"'
    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [line[1:] for line in lines] == [
        ["name", "metrics.loss"], ["c", "4.0"], ["b", "2.0"], ["a", "1.0"],
    ]  # fmt: skip
    assert f"{TABLE}runs.csv?" in page(ada, "sort=name")
    assert ada.get(f"{TABLE}runs.csv?q=lr+=").status_code == 400
    assert signed_in("eve").get(f"{TABLE}runs.csv").status_code == 404


def do_to_all(client, query, **fields):
    headers = {"Accept": "application/json"}
    return client.post(f"{TABLE}runs/?{query}", {"of": "matching", **fields}, headers=headers)


def test_all_runs_that_match_are_changed_and_no_others(ada, project, runs):
    query = "q=params.lr+%3D+0.1&limit=1"

    assert do_to_all(ada, query, action="tag", tags="x, y", expected="2").json() == {"done": 2}
    assert do_to_all(ada, query, action="untag", tags="y", expected="2").json() == {"done": 2}
    assert do_to_all(ada, query, action="group", group="g", expected="2").json() == {"done": 2}
    assert do_to_all(ada, query, action="archive", expected="2").json() == {"done": 2}
    assert do_to_all(ada, f"{query}&archived=1", action="trash", expected="2").json() == {"done": 2}

    assert [(run.group, run.labels) for run in project.runs.order_by("number")] == [
        ("g", ["x"]), ("g", ["x"]), ("", []),
    ]  # fmt: skip
    assert project.runs.get(deleted_at=None).name == "c"


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"action": "archive", "expected": "1"}, 409, "3 runs match by now"),
        ({"action": "archive"}, 409, "3 runs match by now"),
        ({"action": "fly", "expected": "3"}, 400, "Choose tag"),
        ({"action": "tag", "tags": " ", "expected": "3"}, 400, "Name at least one"),
    ],
)
def test_what_the_reader_was_not_asked_about_changes_nothing(ada, runs, sent, status, said):
    answer = do_to_all(ada, "", **sent)

    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]
    assert Run.objects.filter(archived_at=None, tag_rows=None).count() == 3


def test_viewers_change_no_run_that_matches(project, runs):
    assert do_to_all(signed_in("vera"), "", action="trash", expected="3").status_code == 403
    assert "data-bulk-all" not in page(signed_in("vera"))


def test_a_saved_view_keeps_groups_baseline_and_columns(ada, project, runs):
    query = "group=seedless&baseline=x&col=status&pin=status&better=loss%3Amax&w=status%3A90"

    ada.post(f"{TABLE}views/", {"name": "mine", "query": f"{query}&order=status&move=left:status"})

    assert project.saved_views.get().query == query
