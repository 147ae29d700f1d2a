"""Episodes of a run: their spread, the worst of them, one opened; adaptation over meta-training."""

import base64
import json
import math
import struct
import zlib

import numpy as np
import pytest
from django.test import Client

from dashboard.charts.episode_histogram import spread_of
from dashboard.charts.log_scale import ticks
from dashboard.episodes.pictures import pictures, png
from experiments import columns
from experiments.models import EpisodeAnswers, Evaluation, Role, Run
from tests.comparing.building import evaluation
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

EPISODES = 30
REGRESSION = {
    "kind": "regression",
    "inner_steps": [0, 1, 2],
    "losses": [3.0, 1.0, 0.5],
    "support": {"count": 2, "x": [[-1.0], [2.0]], "y": [0.5, -0.5]},
    "query": {"count": 2, "x": [[0.0], [1.0]], "y": [1.0, 0.0]},
    "predicted": [[0.0, 0.0], [0.8, 0.1], [0.9, None]],
    "curve": {"x": [-5.0, 5.0], "true": [1.0, -1.0], "predicted": [[0, 0], [0.5, 0], [0.9, 0]]},
}
PIXELS = base64.b64encode(bytes(range(8))).decode()
CLASSIFICATION = {
    "kind": "classification",
    "inner_steps": [0, 1, 2],
    "losses": [1.0, 0.5, 0.2],
    "support": {"count": 2, "y": [0, 1], "shape": [1, 2, 2], "pixels": PIXELS},
    "query": {"count": 2, "y": [0, 1], "shape": [1, 2, 2], "pixels": PIXELS},
    "predicted": [[0, 0], [0, 0], [0, 1]],
    "confidence": [[0.5, 0.5], [0.9, 0.6], [0.99, 0.7]],
}


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def run(db) -> Run:
    return make_run(
        make_project(make_workspace("lab", ada=Role.MEMBER)), "maml", status="completed"
    )


def losses_of(episodes: int = EPISODES) -> np.ndarray:
    """Episode i has loss i + 1 before adapting, a third of it after the first step."""
    return (np.arange(episodes)[:, None] + 1.0) / 3.0 ** np.arange(3)


def answer(found: Evaluation, place: int, document: dict[str, object]) -> str:
    episode_id = f"5105:{found.name}:0:{place}"
    packed = columns.compress(json.dumps(document).encode())
    EpisodeAnswers.objects.create(evaluation=found, episode_id=episode_id, document=packed)
    return episode_id


def lines_of(data: bytes) -> bytes:
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    return zlib.decompress(data[start + 4 : start + 4 + length])


def figure(client: Client, run: Run, name: str, query: str = "") -> dict[str, object]:
    answered = client.get(f"/runs/{run.pk}/charts/{name}/{query}")
    assert answered.status_code == 200, answered.content
    body: dict[str, object] = answered.json()
    return body


def test_bins_hold_every_finite_episode_and_say_what_is_left_out():
    values = np.array([1.0, 2.0, 2.5, math.nan, math.inf])

    spread = spread_of(values, metric="loss", inner_step=1, mean=1.8, half_width=0.4)

    assert spread is not None
    assert (spread.episodes, spread.left_out, spread.median) == (3, 2, 2.0)


def test_losses_far_apart_are_binned_by_their_logarithms():
    values = np.array([0.001, 0.01, 0.1, 1.0, 10.0])

    spread = spread_of(values, metric="loss", inner_step=1, mean=2.0, half_width=1.0)

    assert spread is not None
    assert spread.is_log
    ratios = spread.edges[1:] / spread.edges[:-1]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))


def test_accuracies_have_a_bin_for_each_value_that_is_possible():
    values = np.array([0.2, 0.4, 0.4, 1.0])

    spread = spread_of(values, metric="accuracy", inner_step=1, mean=0.5, half_width=0.3)

    assert spread is not None
    assert spread.counts.tolist() == [1, 2, 0, 0, 1]


def test_no_finite_value_has_no_spread():
    assert (
        spread_of(np.array([math.nan]), metric="loss", inner_step=0, mean=0, half_width=0) is None
    )


def test_ticks_of_logarithms_are_round_numbers_within_the_range():
    places, texts = ticks(0.03, 4.0)

    assert texts == ["0.05", "0.1", "0.2", "0.5", "1", "2"]
    assert places == pytest.approx([math.log10(float(text)) for text in texts])


def test_pictures_are_png_of_the_recorded_pixels():
    (address, _) = pictures(CLASSIFICATION["support"])

    data = base64.b64decode(address.partition(",")[2])
    assert data == png(bytes(range(4)), (1, 2, 2))
    assert struct.unpack(">II", data[16:24]) == (2, 2)
    assert lines_of(data) == b"\0\0\1" + b"\0\2\3"  # each line after its filter


def test_pixels_of_colours_are_interleaved():
    assert lines_of(png(bytes([1, 2, 3]), (3, 1, 1))) == b"\0\1\2\3"


@pytest.mark.parametrize(
    "recorded",
    [{}, {"shape": [2, 2, 2], "pixels": PIXELS}, {"shape": [1, 9999, 1], "pixels": PIXELS},
     {"shape": [1, 2, 2], "pixels": "no base64!"}],
)  # fmt: skip
def test_what_is_no_picture_has_none(recorded):
    assert pictures(recorded) == []


def test_tab_lists_the_worst_episodes_first(ada, run):
    evaluation(losses_of(), run)

    page = ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()

    worst, next_worst = page.index("5105:test:0:29"), page.index("5105:test:0:28")
    assert worst < next_worst
    assert f"{EPISODES} episodes" in page
    assert "after 1 inner step" in page  # as trained


def test_episode_that_is_not_finite_is_the_worst(ada, run):
    losses = losses_of()
    losses[3, 1] = math.nan
    evaluation(losses, run)

    page = ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()

    assert page.index("5105:test:0:3<") < page.index("5105:test:0:29")
    assert "NaN" in page


def test_histogram_counts_the_episodes_after_the_step_asked_for(ada, run):
    evaluation(losses_of(), run)

    body = figure(ada, run, "episodes", "?k=2")

    bars = body["figure"]["data"][0]
    assert sum(bars["y"]) == EPISODES
    assert f"N = {EPISODES}" in body["note"]
    assert "95 % t interval" in body["note"]
    assert body["figure"]["layout"]["xaxis"]["title"]["text"].endswith("after 2 inner steps")


@pytest.mark.parametrize(("query", "status"), [("?k=-1", 400), ("?k=x", 400), ("?k=999", 200)])
def test_a_bad_inner_step_names_its_field(ada, run, query, status):
    evaluation(losses_of(), run)

    address = f"/runs/{run.pk}/charts/episodes/{query}"
    answered = ada.get(address, headers={"accept": "application/json"})

    assert answered.status_code == status
    if status == 400:
        assert "k" in answered.json()["error"]["fields"]


def test_over_training_is_a_heat_map_with_n_in_every_cell(ada, run):
    for step in (100, 200):
        evaluation(losses_of(), run, name="validation", step=step)

    body = figure(ada, run, "over-training")

    (heat,) = body["figure"]["data"]
    assert heat["x"] == [100, 200]
    assert len(heat["z"]) == 3
    assert heat["customdata"][1][0][1] == EPISODES
    assert "±" in heat["customdata"][1][0][0]


def test_slider_shows_the_validation_at_or_before_its_step(ada, run):
    for step in (100, 200, 300):
        evaluation(losses_of() * step, run, name="validation", step=step)

    body = figure(ada, run, "at-step", "?at=250")

    drawn = next(t for t in body["figure"]["data"] if t.get("name") == "meta-step 200")
    assert drawn["y"] == pytest.approx((losses_of() * 200).mean(axis=0).tolist())
    assert "meta-step 200" in body["note"]


def test_gap_is_a_line_and_the_test_a_point(ada, run):
    for step in (100, 200):
        evaluation(losses_of(), run, name="train", step=step)
        evaluation(losses_of() + 1, run, name="validation", step=step)
    evaluation(losses_of() + 2, run, name="test", step=200)

    body = figure(ada, run, "gap")

    drawn = {t["name"]: t for t in body["figure"]["data"] if t.get("name")}
    assert drawn["validation − train"]["y"] == pytest.approx([1.0, 1.0])
    assert drawn["test − train"]["y"] == pytest.approx([2.0])
    assert "Welch" in body["note"]
    page = ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()
    assert "Gap to the training split" in page


@pytest.mark.parametrize("name", ["over-training", "at-step", "gap"])
def test_a_run_without_validations_says_so(ada, run, name):
    evaluation(losses_of(), run)

    body = figure(ada, run, name)

    assert body["figure"] is None
    assert body["empty"]


def test_regression_episode_shows_its_support_set_and_its_fit(ada, run):
    found = evaluation(losses_of(), run)
    episode = answer(found, 29, REGRESSION)
    query = f"?evaluation={found.pk}&episode={episode}&k=1"

    page = ada.get(f"/runs/{run.pk}/episode/{query}").content.decode()
    body = figure(ada, run, "episode-fit", query)

    assert "the worst of 30" in page
    assert "Support set" in page
    assert "0.8" in page  # predicted after the step
    names = [trace["name"] for trace in body["figure"]["data"]]
    assert names == ["true", "before", "after 1", "support", "query"]


def test_image_episode_shows_pictures_with_predicted_classes(ada, run):
    found = evaluation(losses_of(), run, accuracies=1 / losses_of())
    episode = answer(found, 4, CLASSIFICATION)

    address = f"/runs/{run.pk}/episode/?evaluation={found.pk}&episode={episode}&k=1"
    page = ada.get(address).content.decode()

    assert page.count("data:image/png;base64,") == 4
    assert "1 of 2 right" in page
    assert "predicted 0" in page
    assert "2 of 2 right" in ada.get(address.replace("k=1", "k=2")).content.decode()


def test_episode_without_answers_still_shows_its_losses(ada, run):
    found = evaluation(losses_of(), run)

    address = f"/runs/{run.pk}/episode/?evaluation={found.pk}&episode=5105:test:0:7"
    page = ada.get(address).content.decode()

    assert "predictions were not kept" in page
    assert "median of all" in page


def test_unknown_and_foreign_episodes_are_not_found(ada, run):
    found = evaluation(losses_of(), run)
    foreign = make_run(make_project(make_workspace("other"), "theirs"))
    theirs = evaluation(losses_of(), foreign)

    for run_id, evaluation_id, episode in (
        (run.pk, found.pk, "nobody"),
        (run.pk, theirs.pk, "5105:test:0:1"),
        (foreign.pk, theirs.pk, "5105:test:0:1"),
    ):
        query = f"?evaluation={evaluation_id}&episode={episode}"
        assert ada.get(f"/runs/{run_id}/episode/{query}").status_code == 404
        assert ada.get(f"/runs/{run_id}/charts/episode/{query}").status_code == 404
        assert ada.get(f"/runs/{run_id}/charts/episode-fit/{query}").status_code == 404


def test_hostile_names_of_episodes_are_text(ada, run):
    hostile = "<img src=x onerror=alert(1)>"
    found = evaluation(losses_of(), run)
    ids = [hostile, *(f"e{i}" for i in range(EPISODES - 1))]
    found.episode_ids = columns.compress(json.dumps(ids).encode())
    found.save(update_fields=["episode_ids"])

    page = ada.get(f"/runs/{run.pk}/episode/", {"evaluation": found.pk, "episode": hostile})

    assert page.status_code == 200
    assert hostile not in page.content.decode()
    assert "&lt;img src=x" in page.content.decode()
