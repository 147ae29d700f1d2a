"""Curves of compared runs: bands over groups, a metric along x, log axes, far-off points."""

import math
from base64 import b64decode

import numpy as np
import pytest
from django.test import Client

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.dashboard.figures import figure_answer
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

STEPS = 20


@pytest.fixture
def runs(client: Client) -> list[Run]:
    """Two methods: the first with three seeds, the second with one, all in a named group."""
    client.force_login(make_user("ada"))
    project = make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid")
    runs = []
    for lr, seed in ((0.1, 0), (0.1, 1), (0.1, 2), (0.2, 0)):
        run = make_run(
            project, f"maml-{lr}-s{seed}", params={"lr": lr, "seed": seed}, seed=seed, group="sweep"
        )
        log(run, "loss", lr + seed + np.zeros(STEPS))
        log(run, "epoch", np.arange(STEPS) // 4 + 10 * seed)
        runs.append(run)
    return runs


def log(run: Run, key: str, values) -> None:
    steps = np.arange(len(values), dtype=np.int64)
    points = SeriesPoints(key, steps, 1.79e9 + steps, np.asarray(values, dtype=np.float64))
    recording.record(run_id=run.pk, client=key, number=0, series=[points])


def curve(client: Client, **controls: str) -> dict:
    asked = {"runs": "lab/sinusoid:1-4", "key": "loss", **controls}
    answer = client.get("/compare/charts/curve/", asked)
    assert answer.status_code == 200, answer.content
    return figure_answer(answer)


def lines(answer: dict) -> list[dict]:
    return [trace for trace in answer["figure"]["data"] if "hovertemplate" in trace]


def filled(answer: dict) -> list[dict]:
    return [trace for trace in answer["figure"]["data"] if "fill" in trace]


def test_a_band_joins_the_runs_that_differ_in_nothing_but_the_seed(client: Client, runs: list[Run]):
    answer = curve(client, bands="minmax", over="seedless")

    first, second = lines(answer)
    assert [first["name"], second["name"]] == ["A maml-0.1", "D maml-0.2-s0"]
    assert first["y"] == pytest.approx([1.1] * STEPS)
    assert first["customdata"] == [3] * STEPS
    assert "N = %{customdata}" in first["hovertemplate"]
    (band,) = filled(answer)  # the second method has one run
    assert band["y"] == pytest.approx([2.1] * STEPS)
    assert "mean and lowest to highest run; no band below N = 2" in answer["note"]
    assert [one["name"] for one in answer["legend"]] == [
        "A maml-0.1, N = 3",
        "D maml-0.2-s0, N = 1",
    ]
    assert answer["legend"][0]["color"] == first["line"]["color"]


def test_a_point_of_a_mean_has_the_ends_of_its_band(client: Client, runs: list[Run]):
    figure = curve(client, bands="minmax", over="seedless")["figure"]

    first, second = (_ends(trace) for trace in figure["data"] if "spread" in trace)
    assert [end[0] for end in first] == pytest.approx([0.1, 2.1])
    assert np.isnan(second).all()  # one run has no band


def _ends(mean: dict) -> list[np.ndarray]:
    return [np.frombuffer(b64decode(one["bdata"]), "<" + one["dtype"]) for one in mean["spread"]]


def test_a_group_counts_each_seed_once(client: Client, runs: list[Run]):
    answer = curve(client, bands="sd", over="group")

    (line,) = lines(answer)
    assert line["name"] == "B sweep"
    assert line["customdata"] == [3] * STEPS
    assert "1 run of a seed that a newer run has too left out" in answer["note"]


def test_a_band_ends_where_one_run_is_left(client: Client, runs: list[Run]):
    log(runs[0], "short", np.ones(10))
    log(runs[1], "short", np.ones(5))

    answer = curve(client, key="short", bands="t", over="seedless")

    (line,), (band,) = lines(answer), filled(answer)
    assert line["customdata"] == [2] * 5 + [1] * 5
    assert line["x"] == list(range(10))
    assert band["x"] == list(range(5))


def test_hidden_runs_take_no_part_in_a_band(client: Client, runs: list[Run]):
    first, _ = lines(curve(client, bands="minmax", hide="C"))

    assert first["customdata"] == [2] * STEPS


def test_without_bands_every_run_is_a_line(client: Client, runs: list[Run]):
    assert len(lines(curve(client, bands="nonsense"))) == 4


def test_any_metric_is_an_axis(client: Client, runs: list[Run]):
    answer = curve(client, x="metric:epoch")

    first, second, *_ = lines(answer)
    assert first["x"] == [float(step // 4) for step in range(STEPS)]
    assert second["x"][:4] == [10.0] * 4
    layout = answer["figure"]["layout"]
    assert layout["xaxis"]["title"]["text"] == "epoch"
    assert layout["uirevision"] == "metric:epoch"


def test_a_zoom_on_the_axis_of_a_metric_is_in_its_values(client: Client, runs: list[Run]):
    first = lines(curve(client, x="metric:epoch", first="1", last="2"))[0]

    assert first["x"] == [0.0, *[1.0] * 4, *[2.0] * 4, 3.0]


def test_a_point_before_the_axis_metric_has_no_place(client: Client, runs: list[Run]):
    steps = np.arange(10, 14, dtype=np.int64)
    late = SeriesPoints("late", steps, 1.79e9 + steps, steps * 2.0)
    recording.record(run_id=runs[0].pk, client="late", number=0, series=[late])

    (line,) = lines(curve(client, x="metric:late"))

    assert line["x"] == [20.0, 22.0, 24.0, *[26.0] * 7]


@pytest.mark.parametrize("x", ["metric:", "metric:nope", "nonsense"])
def test_an_axis_that_is_not_there_breaks_nothing(client: Client, runs: list[Run], x: str):
    answer = curve(client, x=x)

    assert (answer["figure"] is None) == (x == "metric:nope")


def test_both_axes_may_be_logarithmic(client: Client, runs: list[Run]):
    layout = curve(client, log="1", logx="1")["figure"]["layout"]

    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "log")


def test_far_off_points_are_cut_off_on_request_and_counted(client: Client, runs: list[Run]):
    values = 1 + np.arange(200) % 2
    values[7] = 10_000
    log(runs[0], "spiky", values)

    whole, cut = curve(client, key="spiky"), curve(client, key="spiky", clip="1")

    assert "range" not in whole["figure"]["layout"]["yaxis"]
    low, high = cut["figure"]["layout"]["yaxis"]["range"]
    assert (low < 1, 2 < high < 3) == (True, True)
    assert "1 far-off point lies outside what is shown" in cut["note"]
    assert max(lines(cut)[0]["y"]) == 10_000  # drawn, beyond the edge


def test_nothing_is_cut_where_nothing_is_far_off(client: Client, runs: list[Run]):
    log(runs[0], "bad", [math.nan, *np.linspace(1, 2, 50)])

    assert "range" not in curve(client, key="bad", clip="1")["figure"]["layout"]["yaxis"]


def test_the_page_offers_what_counts_progress_first(client: Client, runs: list[Run]):
    text = client.get("/compare/?runs=lab/sinusoid:1-4&bands=t").content.decode()

    assert text.index('value="metric:epoch"') < text.index('value="metric:loss"')
    assert '<option value="t" selected>' in text
