"""Relations beside the run table: which runs they draw, and who may see them."""

import sys

import numpy as np
import pytest
from django.test import Client

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.dashboard.figures import figure_answer
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db
RUNS = 12
TABLE = "/p/lab/sinusoid/"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def runs(client: Client) -> list[Run]:
    """Twelve runs whose loss is their learning rate; the last logged nothing."""
    client.force_login(make_user("ada"))
    project = make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid", main_metric="loss")
    runs = []
    for place in range(RUNS):
        lr = 10.0 ** -(place % 4)
        params = {"lr": lr, "kind": ("a", EVIL)[place % 2]}
        run = make_run(project, EVIL if place == 0 else "", params=params)
        if place < RUNS - 1:
            steps = np.arange(2, dtype=np.int64)
            points = SeriesPoints("loss", steps, 1.79e9 + steps, np.array([9.0, lr]))
            recording.record(run_id=run.pk, client="test", number=0, series=[points])
        runs.append(run)
    return runs


def chart(client: Client, name: str, **asked: str) -> dict:
    answer = client.get(f"{TABLE}charts/{name}/", {"ry": "loss", **asked})
    assert answer.status_code == 200, answer.content
    return figure_answer(answer)


def test_a_scatter_has_the_runs_that_match_by_their_ids_and_colors(client: Client, runs):
    runs[4].color = 17
    runs[4].save(update_fields=["color"])

    answer = chart(client, "relation", rx="params.lr", q="params.lr = 1")

    (trace,) = answer["figure"]["data"]
    assert trace["customdata"] == [runs[8].pk, runs[4].pk, runs[0].pk]
    assert trace["marker"]["color"][1] == "var(--run-17)"
    assert trace["text"][2] == EVIL.replace("<", "&lt;")
    assert answer["figure"]["layout"]["meta"] == {"x": "params.lr", "y": "metrics.loss"}
    assert answer["figure"]["layout"]["dragmode"] == "select"
    assert answer["note"] == "N = 3 runs"


def test_without_a_choice_the_first_param_that_differs_is_drawn(client: Client, runs):
    layout = chart(client, "relation")["figure"]["layout"]

    assert layout["meta"]["x"] in ("params.kind", "params.lr")


def test_parallel_axes_say_what_a_filter_calls_them_and_from_where_to_where(client: Client, runs):
    figure = chart(client, "parallel")["figure"]

    axes = {axis["field"]: axis for axis in figure["layout"]["meta"]["axes"]}
    assert list(axes)[-1] == "metrics.loss"
    assert (axes["params.lr"]["least"], axes["params.lr"]["most"]) == (0.001, 1)
    assert list(axes["params.kind"]["kinds"]) == sorted(["a", EVIL])
    assert len(figure["data"]) == RUNS - 1
    assert {line["customdata"][0] for line in figure["data"]} == {run.pk for run in runs[:-1]}


def test_a_param_that_few_runs_have_is_no_axis(client: Client, runs):
    for place in range(2):
        make_run(runs[0].project, params={"lr": 1.0, "kind": "a", "rare": place})

    layout = chart(client, "parallel")["figure"]["layout"]

    fields = [axis["field"] for axis in layout["meta"]["axes"]]
    assert sorted(fields) == ["metrics.loss", "params.kind", "params.lr"]


def test_importance_is_of_the_runs_that_match(client: Client, runs):
    assert "explains" in chart(client, "importance")["note"]
    assert "It takes 8 runs" in chart(client, "importance", q="params.lr = 1")["empty"]


@pytest.mark.parametrize("name", ["relation", "parallel", "importance"])
def test_a_filter_that_is_none_says_so_and_strangers_see_no_project(client: Client, runs, name):
    path = f"{TABLE}charts/{name}/"
    json = {"headers": {"accept": "application/json"}}
    assert client.get(path, {"ry": "loss", "q": "lr ="}, **json).status_code == 400
    for unknown in ({}, {"ry": "nothing"}, {"ry": "loss", "rx": "params.nothing"}):
        assert client.get(path, unknown, **json).status_code == 200

    client.force_login(make_user("charlie"))
    assert client.get(path, {"ry": "loss"}, **json).status_code == 404


def test_the_section_is_folded_until_the_address_opens_it(client: Client, runs):
    page = client.get(TABLE).content.decode()
    assert "data-relations>" in page

    page = client.get(f"{TABLE}?rel=1&ry=loss&rx=metrics.loss&group=params.lr").content.decode()
    assert "data-relations open>" in page
    assert '<option value="metrics.loss" selected>' in page
    assert "charts/relation/?group=params.lr" in page


def test_without_metrics_there_is_no_section(client: Client):
    client.force_login(make_user("ada"))
    make_run(make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid"))

    assert "data-relations" not in client.get(TABLE).content.decode()


def test_shares_of_variance_are_drawn_where_optuna_is_and_else_told_to_be_missing(
    client: Client, runs, monkeypatch
):
    pair = f"runs={','.join(run.pk for run in runs)}&ry=loss"
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "It takes Optuna" in chart(client, "fanova")["empty"]
    assert "It takes Optuna" in client.get(f"/compare/charts/fanova/?{pair}").json()["empty"]
    monkeypatch.undo()
    pytest.importorskip("optuna")

    answer = chart(client, "fanova")
    assert sorted(answer["figure"]["data"][0]["y"]) == ["kind", "lr"]
    assert "fANOVA of a random forest over N = 11 runs" in answer["note"]
    figure = figure_answer(client.get(f"/compare/charts/fanova/?{pair}"))["figure"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "part of the variance"
