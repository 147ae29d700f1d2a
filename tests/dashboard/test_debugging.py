"""The debugging tab: what was not finite first, spikes, the moment around them, norms by layer."""

import io
import json
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from django.test import Client

from dashboard.debugging.classes import class_results
from dashboard.debugging.distributions import distributions
from dashboard.debugging.origins import origins
from experiments import files, reading, recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.factories import make_log, make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

START = 1.79e9
STEPS = 200


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def run(db) -> Run:
    return make_run(make_project(make_workspace("lab", ada=Role.MEMBER)), "maml", status="failed")


def log(run: Run, **metrics: np.ndarray) -> None:
    """Metrics by their key, "__" for "/"; one point a second."""
    series = [
        SeriesPoints(key.replace("__", "/"), steps := np.arange(len(values)), START + steps, values)
        for key, values in metrics.items()
    ]
    recording.record(run_id=run.pk, client="test", number=0, series=series)


def quiet(level: float = 1.0) -> np.ndarray:
    return level + 0.01 * np.random.default_rng(0).normal(size=STEPS)


def turned(values: np.ndarray, place: int, to: float) -> np.ndarray:
    values = values.copy()
    values[place:] = to
    return values


def page(client: Client, run: Run, query: str = "") -> str:
    answered = client.get(f"/runs/{run.pk}/?tab=debug{query}")
    assert answered.status_code == 200
    return answered.content.decode()


def clock(place: int) -> str:
    return f"{datetime.fromtimestamp(START + place, UTC):%H:%M:%S}"


def test_the_first_that_was_not_finite_is_named_and_gradients_come_before_their_weights(run):
    log(
        run,
        train__loss=turned(quiet(), 60, math.nan),
        gradients__deep=turned(quiet(), 50, math.inf),
        weights__deep=turned(quiet(), 50, math.nan),
        system__cpu=turned(quiet(), 5, math.nan),
    )

    found = origins(reading.series_summaries([run.pk])[run.pk])

    assert [(one.key, one.step, one.after) for one in found] == [
        ("gradients/deep", 50, 0),
        ("weights/deep", 50, 0),
        ("train/loss", 60, 10),
    ]
    assert found[0].nonfinite == STEPS - 50


def test_the_tab_says_which_was_first(ada, run):
    log(run, train__loss=turned(quiet(), 60, math.nan), weights__a=turned(quiet(), 50, math.nan))

    found = page(ada, run)
    assert '<b class="mono">weights/a</b> was the first' in found
    assert "at the same step" not in found


def test_a_run_of_finite_numbers_is_said_to_be_one(ada, run):
    log(run, train__loss=quiet())

    found = page(ada, run)

    assert "Every point that was logged is a finite number" in found
    assert "lies far above those before it" in found
    assert "No layers were watched" in found


def test_a_spike_leads_to_the_console_and_the_machine_of_its_time(ada, run):
    losses = quiet()
    losses[120] = 9.0
    log(run, train__loss=losses, system__memory=np.arange(STEPS, dtype=float))
    make_log(run, f"{clock(119)} WARNING out of <b>patience</b>\n{clock(20)} INFO long before\n")

    assert "at=120#moment" in page(ada, run).replace("&amp;", "&")
    moment = page(ada, run, "&key=train/loss&at=120")
    moment = moment[moment.index('id="moment"') :]

    assert "out of &lt;b&gt;patience" in moment
    assert "long before" not in moment
    assert '<dd class="mono">120</dd>' in moment


def test_a_moment_that_is_no_point_is_left_out_and_a_bad_one_refused(ada, run):
    log(run, train__loss=quiet())

    assert 'id="moment"' not in page(ada, run, "&key=train/loss&at=99999")
    assert ada.get(f"/runs/{run.pk}/?tab=debug&key=train/loss&at=x").status_code == 400


def test_norms_of_layers_are_a_heat_map_in_their_own_order(ada, run):
    log(
        run,
        gradients__l10=quiet(2.0),
        gradients__l2=turned(quiet(), 150, math.inf),
        gradients__norm=quiet(3.0),
    )

    body = ada.get(f"/runs/{run.pk}/charts/layers/?kind=gradients").json()

    heat, crosses = body["figure"]["data"]
    assert body["figure"]["layout"]["yaxis"]["ticktext"] == ["l2", "l10"]
    assert heat["z"][0][-1] is None
    assert heat["z"][1][0] == pytest.approx(math.log10(2.0), abs=0.05)
    assert (crosses["x"], crosses["y"]) == ([150], [0])
    assert "2 layers" in body["note"]
    assert "Norms of gradients" in page(ada, run)


def keep_histogram(run: Run, key: str, step: int, content: object) -> None:
    path = f"media/histogram/{key}/{step:012d}.histogram.json"
    files.put(files.of_run(run), path, io.BytesIO(json.dumps(content).encode()))


def test_histograms_over_steps_are_one_heat_map_on_common_bins(ada, run):
    keep_histogram(run, "weights/l1", 0, {"edges": [0, 1, 2], "counts": [3, 1], "nonfinite": 0})
    keep_histogram(run, "weights/l1", 10, {"edges": [0, 2, 4], "counts": [1, 1], "nonfinite": 2})
    keep_histogram(run, "weights/l1/more", 0, {"edges": [0, 1], "counts": [7], "nonfinite": 0})

    found = distributions(run, "weights/l1")
    body = ada.get(f"/runs/{run.pk}/charts/distribution/?of=weights/l1").json()

    assert found is not None
    assert found.steps.tolist() == [0, 10]
    assert found.edges[[0, -1]].tolist() == [0.0, 4.0]
    assert found.shares.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert found.shares[0][found.edges[:-1] < 1].sum() == pytest.approx(0.75)
    assert found.quantiles()[1] == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0])
    [heat] = body["figure"]["data"]
    assert heat["x"] == [0, 10]
    assert heat["z"][-1][0] is None
    assert body["note"] == "2 histograms of 4 values. 2 values were not finite, first at step 10."
    shown = page(ada, run, "&of=weights/l1")
    assert "<option selected>weights/l1</option><option>weights/l1/more</option>" in shown


def test_files_that_only_look_like_histograms_are_passed_over(ada, run):
    for step, content in enumerate(
        ([], {"edges": [0, 1], "counts": ["<b>"]}, {"edges": [1, 0], "counts": [1]}, {"edges": [0]})
    ):
        keep_histogram(run, "<i>x</i>", step, content)

    body = ada.get(f"/runs/{run.pk}/charts/distribution/", {"of": "<i>x</i>"}).json()

    assert body["figure"] is None
    assert "<i>x" not in page(ada, run)
    assert ada.get(f"/runs/{run.pk}/charts/distribution/?of=none").json()["figure"] is None


def test_more_histograms_than_are_drawn_are_thinned_out_and_said(run):
    for step in range(120):
        keep_histogram(run, "g", step, {"edges": [1, 1], "counts": [4], "nonfinite": 0})

    found = distributions(run, "g")

    assert found is not None
    assert (len(found.steps), found.steps[-1], found.left_out) == (100, 119, 20)
    assert found.shares.sum(axis=1) == pytest.approx(np.ones(100))


def keep_matrix(run: Run, key: str, step: int, labels: list[str], counts: object) -> None:
    path = f"media/confusion/{key}/{step:012d}.confusion.json"
    content = json.dumps({"labels": labels, "counts": counts}).encode()
    files.put(files.of_run(run), path, io.BytesIO(content))


def test_classes_are_told_from_the_confusion_matrix_the_worst_first(run):
    keep_matrix(run, "test", 5, ["a", "b", "never"], [[8, 2, 0], [4, 6, 0], [0, 0, 0]])

    found = class_results(run, "", 10**9)

    assert found is not None
    assert (found.key, found.step, found.accuracy) == ("test", 5, 0.7)
    worst, better, never = found.rows
    assert (worst.label, worst.count, worst.recall, worst.precision) == ("b", 10, 0.6, 0.75)
    assert worst.f1 == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert (worst.taken_for, worst.taken) == ("a", 4)
    assert (better.label, better.recall, better.precision) == ("a", 0.8, pytest.approx(8 / 12))
    assert (never.label, never.recall, never.f1, never.taken_for) == ("never", None, None, "")


def test_classes_of_another_key_and_step_are_chosen_by_the_address(ada, run):
    keep_matrix(run, "train", 1, ["<b>x", "y"], [[1, 0], [0, 1]])
    for step in (10, 20):
        keep_matrix(run, "test", step, ["<b>x", "y"], [[step, 1], [0, 1]])

    assert "test at step 20" in page(ada, run)
    shown = page(ada, run, "&classes=train")
    assert "train at step 1" in shown
    assert "&lt;b&gt;x" in shown
    assert "test at step 10" in page(ada, run, "&classes=test&class_step=12")
    assert ada.get(f"/runs/{run.pk}/?tab=debug&class_step=x").status_code == 400


def test_files_that_only_look_like_matrices_show_no_classes(ada, run):
    keep_matrix(run, "test", 5, ["a", "b"], [[8, -2], [4, 6]])

    assert 'id="classes"' not in page(ada, run)


def test_learning_rate_and_throughput_are_drawn_together(ada, run):
    log(run, outer__lr=quiet(), system__episodes_per_s=quiet(), train__loss=quiet())

    found = page(ada, run)
    pace = found[found.index("Learning rate and throughput") :]

    assert "key=outer%2Flr" in pace
    assert "key=system%2Fepisodes_per_s" in pace
    assert "key=train%2Floss" not in pace


def test_layers_of_foreign_runs_are_not_found(ada):
    foreign = make_run(make_project(make_workspace("other"), "theirs"))

    assert ada.get(f"/runs/{foreign.pk}/charts/layers/").status_code == 404
    assert ada.get(f"/runs/{foreign.pk}/charts/distribution/?of=a").status_code == 404
