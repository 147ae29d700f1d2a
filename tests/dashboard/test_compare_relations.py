"""Relations of metrics and params on the compare page."""

import numpy as np
import pytest
from django.test import Client

from experiments import recording
from experiments.comparing.importance import importances
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.dashboard.figures import figure_answer
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db
RUNS = 12


@pytest.fixture
def runs(client: Client) -> list[Run]:
    """Twelve runs whose loss is their learning rate, not their width; the last logged nothing."""
    client.force_login(make_user("ada"))
    project = make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid", main_metric="loss")
    runs = []
    for place in range(RUNS):
        lr, width = 10.0 ** -(place % 4), 40 + place // 6
        params = {"lr": lr, "width": width, "kind": "ab"[place % 2], "seed": place}
        run = make_run(project, params=params, seed=place)
        if place < RUNS - 1:
            log(run, lr)
        runs.append(run)
    return runs


def log(run: Run, loss: float) -> None:
    steps = np.arange(3, dtype=np.int64)
    values = np.array([9.0, loss / 2, loss])
    points = SeriesPoints("loss", steps, 1.79e9 + steps, values)
    recording.record(run_id=run.pk, client="test", number=0, series=[points])


def chart(client: Client, name: str, **controls: str) -> dict:
    asked = {"runs": f"lab/sinusoid:1-{RUNS}", "ry": "loss", **controls}
    answer = client.get(f"/compare/charts/{name}/", asked)
    assert answer.status_code == 200, answer.content
    return figure_answer(answer)


def test_a_scatter_has_a_point_for_each_run_with_a_value(client: Client, runs: list[Run]):
    answer = chart(client, "relation", rx="params.lr")

    (trace,) = answer["figure"]["data"]
    assert trace["x"] == trace["y"] == pytest.approx([10.0 ** -(n % 4) for n in range(RUNS - 1)])
    assert trace["text"][0] == "A run-1"
    assert trace["marker"]["color"][0] == "var(--run-1)"
    assert answer["note"] == "N = 11 runs"


def test_a_scatter_takes_the_value_that_the_metrics_show(client: Client, runs: list[Run]):
    (least,) = chart(client, "relation", rx="metrics.loss", stat="min")["figure"]["data"]

    assert least["x"][0] == 0.5


def test_text_and_what_is_not_there_break_no_scatter(client: Client, runs: list[Run]):
    (named,) = chart(client, "relation", rx="params.kind")["figure"]["data"]

    assert set(named["x"]) == {"a", "b"}
    assert chart(client, "relation", rx="params.nope")["figure"] is None
    assert chart(client, "relation", rx="")["figure"] is None


def test_parallel_coordinates_go_through_the_params_that_differ(client: Client, runs: list[Run]):
    figure = chart(client, "parallel")["figure"]

    assert figure["layout"]["xaxis"]["ticktext"] == ["lr", "width", "kind", "seed", "loss"]
    assert len(figure["data"]) == RUNS - 1
    first = figure["data"][0]
    assert first["y"] == pytest.approx([1, 0, 0, 0, 1])  # of each axis's range
    assert first["text"] == ["lr 1", "width 40", "kind a", "seed 0", "loss 1"]
    assert first["line"]["color"] == "var(--run-1)"
    ends = [one["text"] for one in figure["layout"]["annotations"]]
    assert ends[:2] == ["0.001", "1"]


def test_names_are_text_in_every_figure(client: Client, runs: list[Run]):
    hostile = "<b onclick=x>%{y}"
    Run.objects.filter(pk=runs[0].pk).update(name=hostile, params={"lr": 1, "kind": hostile})
    Run.objects.filter(pk=runs[1].pk).update(params={"lr": 2, "kind": "b"})

    figure = chart(client, "parallel", runs="lab/sinusoid:1-2")["figure"]

    assert figure["data"][0]["hovertemplate"].startswith("<b>A &lt;b onclick=x>% {y}</b>")
    assert all("<" not in one["text"] for one in figure["layout"]["annotations"])


def test_groups_show_every_run(client: Client, runs: list[Run]):
    answer = chart(client, "spread")
    boxes = answer["figure"]["data"]

    assert len(answer["legend"]) == len(boxes)
    assert answer["legend"][0]["name"] == f"{boxes[0]['x'][0]} {boxes[0]['name']}"
    assert sum(len(one["y"]) for one in boxes) == RUNS - 1
    assert boxes[0]["text"][0].endswith("N = 2")  # runs 1 and 5 differ in their seed
    assert boxes[0]["x"] == ["A", "A"]


def test_the_param_that_matters_is_the_most_important(client: Client, runs: list[Run]):
    answer = chart(client, "importance")

    (bars,) = answer["figure"]["data"]
    assert bars["y"][-1] == "lr"
    assert "over N = 11 runs" in answer["note"]
    assert "Association, not cause." in answer["note"]


def test_importances_find_what_made_the_values():
    rng = np.random.default_rng(0)
    params = [{"lr": rng.random(), "noise": rng.random(), "kind": "abc"[n % 3]} for n in range(80)]
    values = [5 * one["lr"] + (one["kind"] == "b") for one in params]

    found = importances(params, values)

    assert found is not None
    assert [one.key for one in found.params] == ["lr", "kind", "noise"]
    assert found.score > 0.8
    assert found.params[0].correlation == pytest.approx(0.9, abs=0.1)
    assert found.params[1].correlation is None


@pytest.mark.parametrize(
    ("params", "values"),
    [
        ([{"lr": n} for n in range(7)], list(range(7))),
        ([{"lr": 1} for _ in range(20)], list(range(20))),
        ([{"lr": n} for n in range(20)], [1.0] * 20),
        ([{"lr": n} for n in range(20)], [float("nan")] * 20),
        ([], []),
    ],
)
def test_nothing_is_said_of_too_little(params, values):
    assert importances(params, values) is None


def test_too_few_runs_say_so(client: Client, runs: list[Run]):
    answer = chart(client, "importance", runs="lab/sinusoid:1-3")

    assert answer["figure"] is None
    assert "It takes 8 runs" in answer["empty"]


def test_relations_of_others_are_not_found(client: Client, runs: list[Run]):
    foreign = make_run(make_project(make_workspace("elsewhere"), "secret"))

    for name in ("relation", "parallel", "spread", "importance"):
        asked = {"runs": f"{runs[0].pk},{foreign.pk}"}
        assert client.get(f"/compare/charts/{name}/", asked).status_code == 404


def test_the_page_offers_the_main_metric_and_what_differs(client: Client, runs: list[Run]):
    text = client.get(f"/compare/?runs=lab/sinusoid:1-{RUNS}&rx=params.width").content.decode()

    assert '<option value="params.width" selected>' in text
    assert "<option selected>loss</option>" in text
