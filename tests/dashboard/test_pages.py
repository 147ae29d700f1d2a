"""Home, run table, run page, queue: who sees what, what actions do, how many queries it takes."""

from urllib.parse import urlencode

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from dashboard import home_facts
from experiments import recording
from experiments.models import Job, Run
from experiments.shapes import SeriesPoints
from tests import factories as make
from tests.dashboard.figures import figure_answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    lab = make.make_workspace("lab", ada="member", vera="viewer")
    make.make_workspace("elsewhere", eve="admin")
    return make.make_project(lab, "sinusoid", main_metric="loss")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(make.make_user(name))
    return client


def log(run: Run, values: list[float], key: str = "loss") -> None:
    steps = np.arange(len(values), dtype=np.int64)
    points = SeriesPoints(key, steps, 1.79e9 + steps, np.array(values))
    recording.record(run_id=run.pk, client=key, number=0, series=[points])


PAGES = [
    "/p/lab/sinusoid/",
    "/p/lab/sinusoid/charts/?key=loss&runs={run}",
    "/runs/{run}/",
    "/runs/{run}/?tab=charts",
    "/runs/{run}/?tab=adaptation",
    "/runs/{run}/?tab=media",
    "/runs/{run}/?tab=console",
    "/runs/{run}/?tab=params",
    "/runs/{run}/?tab=code",
    "/runs/{run}/?tab=environment",
    "/runs/{run}/?tab=history",
    "/runs/{run}/charts/curve/?key=loss",
    "/runs/{run}/charts/adaptation/?evaluation={evaluation}",
    "/runs/{run}/console/",
    "/runs/{run}/console.txt",
]


@pytest.mark.parametrize("page", PAGES)
def test_members_see_a_page_and_strangers_do_not(project, page):
    run = make.make_run(project, status="completed")
    log(run, [3.0, 2.0])
    evaluation = make.make_evaluation(run)
    make.make_log(run)
    url = page.format(run=run.pk, evaluation=evaluation.pk)

    assert signed_in("vera").get(url).status_code == 200
    assert signed_in("eve").get(url).status_code == 404


ACTIONS = [
    ("/runs/{run}/cancel/", {}),
    ("/runs/{run}/tags/", {"tags": "a"}),
    ("/runs/{run}/notes/", {"notes": "a"}),
    ("/runs/{run}/archive/", {}),
    ("/p/lab/sinusoid/runs/", {"action": "tag", "tags": "a", "run": "{run}"}),
    ("/queue/{job}/cancel/", {}),
    ("/queue/{job}/retry/", {}),
    ("/queue/{job}/priority/", {"priority": "10"}),
]


@pytest.mark.parametrize(("path", "fields"), ACTIONS)
def test_viewers_may_not_act_and_strangers_find_nothing(project, path, fields):
    job = make.make_job(make.make_run(project, status="queued"))
    url = path.format(run=job.run_id, job=job.pk)
    body = {name: value.format(run=job.run_id) for name, value in fields.items()}

    assert signed_in("vera").post(url, body).status_code == 403
    assert signed_in("eve").post(url, body).status_code == 404
    assert signed_in("ada").get(url).status_code == 405


def test_viewers_see_no_action_buttons(project):
    run = make.make_run(project)
    make.make_job(run, status="running")

    assert f"/runs/{run.pk}/cancel/" in signed_in("ada").get(f"/runs/{run.pk}/").content.decode()
    assert (
        f"/runs/{run.pk}/cancel/" not in signed_in("vera").get(f"/runs/{run.pk}/").content.decode()
    )


def test_actions_need_the_csrf_token(project):
    run = make.make_run(project)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make.make_user("ada"))

    assert client.post(f"/runs/{run.pk}/cancel/").status_code == 403


STARTED = ("queued", "running")


def test_cancel_ends_a_queued_job_at_once(project):
    job = make.make_job(make.make_run(project, status="queued"))

    signed_in("ada").post(f"/queue/{job.pk}/cancel/")

    assert Job.objects.get(pk=job.pk).status == "cancelled"
    assert Run.objects.get(pk=job.run_id).status == "cancelled"


def test_jobs_that_ended_are_listed_the_last_first(project):
    for status in ("completed", "failed", "cancelled", "running", "queued"):
        make.make_job(make.make_run(project, f"was-{status}", status=status), status=status)

    page = signed_in("ada").get("/queue/").content.decode()
    ended = page[page.index('id="q-end"') :]

    places = [ended.index(f"was-{status}") for status in ("cancelled", "failed", "completed")]
    assert places == sorted(places)
    assert "was-running" not in ended
    assert "was-queued" not in ended


def test_priority_moves_a_waiting_job(project):
    job = make.make_job(make.make_run(project, status="queued"))

    signed_in("ada").post(f"/queue/{job.pk}/priority/", {"priority": "10"})

    assert Job.objects.get(pk=job.pk).priority == 10


def test_tags_are_added_to_many_runs_or_to_none(project):
    runs = [make.make_run(project, tags=("kept",)) for _ in range(2)]
    client = signed_in("ada")
    url = "/p/lab/sinusoid/runs/"
    ids = [run.pk for run in runs]

    refused = client.post(url, {"action": "tag", "tags": "new", "run": [*ids, "nothere"]})
    before = runs[0].tag_rows.count()
    client.post(url, {"action": "tag", "tags": "new", "run": ids})

    assert refused.status_code == 404
    assert before == 1
    assert sorted(runs[1].tag_rows.values_list("name", flat=True)) == ["kept", "new"]


def test_many_runs_are_cancelled_and_ended_ones_stay_as_they_are(project):
    queued, running = (make.make_job(make.make_run(project, status=s), status=s) for s in STARTED)
    done, client_run = make.make_run(project, status="completed"), make.make_run(project)
    runs = [queued.run, running.run, done, client_run]

    answer = signed_in("ada").post(
        "/p/lab/sinusoid/runs/",
        {"action": "cancel", "run": [run.pk for run in runs]},
        headers={"Accept": "application/json"},
    )

    assert answer.json() == {"done": 3}
    assert [Run.objects.get(pk=run.pk).status for run in runs] == [
        "cancelled", "running", "completed", "cancelled",
    ]  # fmt: skip
    assert Job.objects.get(pk=running.pk).cancel_requested_at


def test_runs_that_have_all_ended_cannot_be_cancelled(project):
    done = make.make_run(project, status="completed")

    answer = signed_in("ada").post(
        "/p/lab/sinusoid/runs/",
        {"action": "cancel", "run": [done.pk]},
        headers={"Accept": "application/json"},
    )

    assert answer.status_code == 400
    assert "nothing to cancel" in answer.json()["error"]["message"]


def test_archive_refuses_running_runs_and_changes_none(project):
    done, running = make.make_run(project, status="completed"), make.make_run(project)

    answer = signed_in("ada").post(
        "/p/lab/sinusoid/runs/",
        {"action": "archive", "run": [done.pk, running.pk]},
        headers={"Accept": "application/json"},
    )

    assert answer.status_code == 400
    assert running.name in answer.json()["error"]["message"]
    assert Run.objects.filter(archived_at=None).count() == 2


def test_the_table_filters_sorts_and_keeps_its_state_in_links(project):
    for name, values in (("worse", [2.0, 1.0]), ("better", [2.0, 0.5]), ("none", [])):
        run = make.make_run(project, name, params={"lr": 0.1 if values else 0.2})
        if values:
            log(run, values)
    client = signed_in("ada")

    page = client.get(
        "/p/lab/sinusoid/?q=params.lr+%3C+0.15&sort=metrics.loss&dir=asc&col=metrics.loss"
    ).content.decode()

    assert page.index(">better<") < page.index(">worse<")
    assert ">none<" not in page
    assert 'aria-sort="ascending"' in page
    assert "Find among 8 columns" in page
    assert "?q=params.lr+%3C+0.15&amp;sort=metrics.loss&amp;dir=desc&amp;col=metrics.loss" in page


def test_the_order_may_be_written_as_over_rest(project):
    for name in ("a", "b"):
        make.make_run(project, name)
    client = signed_in("ada")

    page = client.get("/p/lab/sinusoid/?sort=-name").content.decode()

    assert page.index(">b<") < page.index(">a<")
    assert 'aria-sort="descending"' in page


def shown_at_first(client: Client) -> tuple[list[str], list[str]]:
    """The columns and the charts of a table that nobody has changed."""
    context = client.get("/p/lab/sinusoid/").context
    return [column.id for column in context["columns"]], [chart[0] for chart in context["charts"]]


def test_an_odd_run_changes_no_column_and_no_chart(project):
    for number in range(3):
        run = make.make_run(project, f"run-{number}", params={"lr": number, "way": 5})
        for key in ("loss", "train/query_loss_step_1", "validation/acc"):
            log(run, [2.0, 1.0], key)
    client = signed_in("ada")
    before = shown_at_first(client)

    odd = make.make_run(project, "odd", params={"a": 1, "lr": 7, "way": 5})
    for key in ("a/acc", "test/query_acc", "train/a", "train/query_loss_step_20"):
        log(odd, [2.0, 1.0], key)

    columns, charts = shown_at_first(client)
    assert [one for one in columns if one != "params.a"] == before[0]
    assert charts == before[1] == ["loss", "validation/acc", "train/query_loss_step_1"]


def test_a_main_metric_that_no_run_has_logged_is_told_with_those_there_are(project):
    client = signed_in("ada")
    assert (
        "No run has logged the main metric" not in client.get("/p/lab/sinusoid/").content.decode()
    )

    log(make.make_run(project, "run"), [2.0, 1.0], "train/query_loss")
    page = client.get("/p/lab/sinusoid/").content.decode()

    assert "No run has logged the main metric <code>loss</code>." in page
    assert "such as <code>train/query_loss</code>: PATCH" in page
    log(Run.objects.get(), [1.0], "loss")
    assert "No run has logged" not in client.get("/p/lab/sinusoid/").content.decode()


def test_only_runs_of_this_list_can_be_selected_by_address(project):
    near = make.make_run(project, "near", status="completed")
    gone = make.make_run(project, "gone", status="completed", archived_at=timezone.now())
    hidden = make.make_project(make.make_workspace("elsewhere"), "secret")
    far = make.make_run(hidden, "far", status="completed")
    asked = ",".join([far.pk, "nothing", gone.pk, near.pk])

    answer = signed_in("ada").get(f"/p/lab/sinusoid/?limit=1&offset=1&selected={asked}")

    assert answer.context["selected"] == [{"id": near.pk, "name": "near", "slot": 1}]


def test_a_bad_filter_keeps_the_rows_and_says_why(project):
    make.make_run(project, "kept")

    answer = signed_in("ada").get(
        "/p/lab/sinusoid/?q=nonsense+%3D%3D", headers={"HX-Request": "true"}
    )

    assert answer["HX-Retarget"] == "#filter-error"
    assert "At character" in answer.content.decode()
    assert "<td" not in answer.content.decode()
    assert "The runs below are still those of the filter before." in answer.content.decode()
    whole = signed_in("ada").get("/p/lab/sinusoid/?q=nonsense+%3D%3D").content.decode()
    assert "still those" not in whole


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
@pytest.mark.parametrize("status", ["", "&status=failed"])
def test_a_caret_stands_below_what_a_filter_got_wrong(project, headers, status):
    answer = signed_in("ada").get(
        f"/p/lab/sinusoid/?q=seed+=+1+name+=+<b>{status}", headers=headers
    )

    assert "seed = 1 name = &lt;b&gt;\n         ^" in answer.content.decode()


def test_live_refresh_stops_when_nothing_runs(project):
    run = make.make_run(project, status="completed")
    client = signed_in("ada")

    for url in (f"/runs/{run.pk}/", "/p/lab/sinusoid/", "/queue/", "/"):
        assert client.get(url, headers={"X-Live": "true"}).status_code == 286, url


def test_live_refresh_goes_on_while_something_runs(project):
    run = make.make_run(project)
    make.make_job(run, status="running")
    client = signed_in("ada")

    for url in (f"/runs/{run.pk}/", "/p/lab/sinusoid/", "/queue/", "/"):
        assert client.get(url, headers={"X-Live": "true"}).status_code == 200, url


def test_a_curve_marks_nan_and_never_draws_it(project):
    run = make.make_run(project)
    log(run, [3.0, float("nan"), 2.0])

    answer = figure_answer(signed_in("ada").get(f"/runs/{run.pk}/charts/curve/?key=loss"))

    line = next(trace for trace in answer["figure"]["data"] if trace.get("name") == "loss")
    cross = next(t for t in answer["figure"]["data"] if t.get("yaxis") == "y2")
    assert line["y"] == [3.0, None, 2.0]
    assert cross["x"] == [1.0]
    assert answer["live"] is True
    assert "not finite" in answer["note"]


def test_figures_name_tokens_instead_of_colours(project):
    run = make.make_run(project)
    log(run, [3.0, 2.0])

    figure = signed_in("ada").get(f"/runs/{run.pk}/charts/curve/?key=loss").json()["figure"]

    assert figure["data"][0]["line"]["color"] == "var(--run-1)"


def test_new_console_lines_continue_where_the_last_answer_ended(project):
    run = make.make_run(project)
    make.make_log(run, "one\ntwo\n")
    client = signed_in("ada")

    first = client.get(f"/runs/{run.pk}/console/").json()
    make.make_log(run, "three\n", number=1)
    second = client.get(f"/runs/{run.pk}/console/?after={first['next']}").json()

    assert [line["text"] for line in first["lines"]] == ["one", "two"]
    assert second["lines"] == [{"number": 3, "text": "three", "stream": "stdout"}]
    assert second["live"] is True


def test_whatever_a_run_holds_is_escaped_in_the_table(project):
    evil = "<i>\"'&"
    run = make.make_run(
        project, evil, status="failed", params={evil: evil}, tags=(evil,), group=evil,
        status_reason=evil,
    )  # fmt: skip
    log(run, [2.0], key=evil)
    columns = [
        "status",
        "tags",
        "group",
        f"params.{evil}",
        f"metrics.{evil}",
        f"metrics.{evil}(min)",
    ]
    query = urlencode([("col", column) for column in columns])

    page = signed_in("ada").get(f"/p/lab/sinusoid/?{query}").content.decode()

    assert '<i>"' not in page
    row = page[page.index('<tbody id="run-rows">') : page.index("</tbody>")]
    assert row.count("&lt;i&gt;&quot;&#x27;&amp;") >= 8
    assert "@0</small>" in row


def test_console_text_is_escaped(project):
    run = make.make_run(project)
    make.make_log(run, "<script>alert(1)</script>\n")

    page = signed_in("ada").get(f"/runs/{run.pk}/?tab=console").content.decode()

    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(("url", "most"), [("/", 22), ("/queue/", 15), ("/p/lab/sinusoid/", 27)])
def test_queries_do_not_grow_with_runs(project, url, most, django_assert_max_num_queries):
    worker = make.make_worker()
    for number in range(12):
        status = ("queued", "running", "completed", "failed")[number % 4]
        run = make.make_run(project, status=status, params={"lr": 0.1 * number}, tags=("a",))
        make.make_job(run, status=status, worker=worker if status == "running" else None)
        log(run, [3.0, 2.0])
    client = signed_in("ada")

    with django_assert_max_num_queries(most):
        assert client.get(url).status_code == 200


def test_home_counts_and_names_runs_of_scripts_too(project, monkeypatch):
    monkeypatch.setattr(home_facts, "RUNNING_SHOWN", 2)
    make.make_run(project, "left-out")
    make.make_job(make.make_run(project, "job-run"), status="running", worker=make.make_worker())
    log(make.make_run(project, "script-run", progress_step=3), [2.0, 1.0])
    client = signed_in("vera")

    text = client.get("/").content.decode()

    assert "3 runs running, 0 jobs queued" in text
    assert "Nothing runs" not in text
    assert text.index("script-run") < text.index("job-run")
    assert "sinusoid, by a script" in text
    assert "sinusoid on box/default" in text
    assert "3 running" in text
    assert "0 runs running" in signed_in("eve").get("/").content.decode()


def test_home_tells_the_best_of_each_project_by_its_own_direction(project):
    lab = project.workspace
    accuracy = make.make_project(lab, "shapes", main_metric="acc", main_metric_direction="max")
    for values in ([0.5, 0.25], [0.75, 0.125]):
        log(make.make_run(project, status="completed"), values)
        log(make.make_run(accuracy, status="completed"), values, key="acc")
    hidden = make.make_run(project, status="completed", archived_at=timezone.now())
    log(hidden, [0.0625])

    cards = {card.project.slug: card for card in home_facts.project_cards(make.make_user("ada"))}

    assert (cards["sinusoid"].best, cards["sinusoid"].holders) == (0.125, 2)
    assert (cards["shapes"].best, cards["shapes"].holders) == (0.75, 2)
    assert cards["shapes"].spark is not None


def test_projects_are_made_by_members_and_errors_stand_at_their_field(project):
    client = signed_in("ada")

    bad = client.post("/projects/new/", {"workspace": "lab", "name": "Sinusoid", "slug": "No!"})
    good = client.post("/projects/new/", {"workspace": "lab", "name": "New one"})
    viewer = signed_in("vera").post("/projects/new/", {"workspace": "lab", "name": "Mine"})

    assert bad.status_code == 400
    assert 'id="e-slug"' in bad.content.decode()
    assert good["Location"] == "/p/lab/new-one/"
    assert viewer.status_code in (400, 403)


def test_a_token_is_shown_once_and_revoked(project):
    client = signed_in("ada")

    made = client.post("/tokens/", {"name": "laptop"}).content.decode()
    token = make.make_user("ada").api_tokens.get()
    later = client.get("/tokens/").content.decode()
    client.post(f"/tokens/{token.pk}/revoke/")
    token.refresh_from_db()

    assert f">{token.prefix}" in made
    assert later.count("ms_") < made.count("ms_")
    assert token.revoked_at is not None
    assert signed_in("eve").post(f"/tokens/{token.pk}/revoke/").status_code == 404
