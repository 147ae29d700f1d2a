"""Which metric speaks for a run, and which way it is better."""

import numpy as np
import pytest
from django.test import Client

from dashboard.metric_names import counted_in, direction_of_name, headline, stem_of
from dashboard.panels import overview, panel_groups, parted, place_of
from experiments import recording
from experiments.models import Run
from experiments.shapes import SeriesPoints
from experiments.summaries import summarize
from tests import factories as make


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["outer/lr", "acc", "validation/query_loss"], "validation/query_loss"),
        (["train/loss", "val_acc", "grad_norm"], "val_acc"),
        (["test/accuracy", "test/loss", "train/loss"], "test/loss"),
        (["grad_norm", "outer/loss_scale", "train/return"], "train/return"),
        (["fine_tuning/loss", "acc"], "acc"),
        (["a", "fine_tuning/loss"], "fine_tuning/loss"),
        (["test/loss_step_0", "test/loss_step_10", "test/loss_step_1"], "test/loss_step_1"),
        (["test/regret_pulls_10", "test/regret_pulls_0", "outer/lr"], "test/regret_pulls_10"),
        (["outer/lr", "grad_norm"], "grad_norm"),
        (["outer/lr", "system/memory"], None),
        ([], None),
    ],
)
def test_the_most_telling_metric_is_chosen(keys, found):
    assert headline(keys, "") == found


@pytest.mark.parametrize(
    ("key", "stem", "counted"),
    [
        ("test/query_loss_step_5", "test/query_loss", "inner steps"),
        ("test/query_loss_seen_5", "test/query_loss", "examples seen"),
        ("test/regret_pulls_5", "test/regret", "pulls"),
        ("test/query_loss_after_5", "test/query_loss_after_5", ""),
    ],
)
def test_names_say_what_is_counted(key, stem, counted):
    assert (stem_of(key), counted_in(key)) == (stem, counted)


def test_a_main_metric_comes_first_where_it_was_logged():
    assert headline(["validation/loss", "outer/lr"], "outer/lr") == "outer/lr"
    assert headline(["validation/loss"], "outer/lr") == "validation/loss"


@pytest.mark.parametrize(
    ("key", "direction"),
    [
        *((key, "max") for key in ("acc", "val/Accuracy", "score", "return", "reward")),
        *((key, "max") for key in ("f1", "auc", "precision", "recall_5", "steps_per_second")),
        *((key, "min") for key in ("query_loss", "score_matching_loss", "mse", "epoch_seconds")),
        *((key, "") for key in ("outer/lr", "grad_norm", "system/memory")),
    ],
)
def test_names_say_which_way_is_better(key, direction):
    assert direction_of_name(key) == direction


@pytest.mark.parametrize(
    ("key", "group", "rest"),
    [
        ("train/loss/step_1", "train", "loss/step_1"),
        ("loss", "other", "loss"),
        ("<b>x<br>y</b>/%{y}", "<b>x<br>y</b>", "%{y}"),
        ("<b>x</b>", "other", "<b>x</b>"),
        ("a < b/c", "a < b", "c"),
    ],
)
def test_a_slash_parts_a_name_unless_it_is_within_a_tag(key, group, rest):
    assert parted(key) == (group, rest)


def test_groups_of_the_machine_come_last():
    groups = ["zeta", "system", "val", "other", "train", "test"]

    shown = sorted(groups, key=place_of)

    assert shown == ["train", "val", "test", "other", "zeta", "system"]


def test_losses_are_drawn_on_a_log_axis_and_accuracies_are_not():
    steps, values = np.arange(2), np.array([0.2, 0.1])
    (group,) = panel_groups(
        summarize(key, steps, steps + 0.0, values) for key in ("acc_step_1", "loss")
    )

    assert {panel.title: panel.is_log for panel in group.panels} == {"acc": False, "loss": True}


def test_the_overview_shows_the_machine_after_all_that_was_trained():
    steps, values = np.arange(2), np.array([0.2, 0.1])
    keys = ("system/cpu", "system/loss_of_packets", "z")
    several = [summarize(key, steps, steps + 0.0, values) for key in keys]
    once = summarize("once", steps[:1], steps[:1] + 0.0, values[:1])
    groups = panel_groups([*several, once])

    shown = [panel.title for panel in overview(groups, "")]

    assert shown == ["z", "once", "system/loss_of_packets", "system/cpu"]
    assert overview(groups, "system/cpu")[0].title == "system/cpu"


def log(run: Run, key: str, values: list[float]) -> None:
    steps = np.arange(1, len(values) + 1, dtype=np.int64)
    points = SeriesPoints(key, steps, 1.79e9 + steps, np.array(values, dtype=float))
    recording.record(run_id=run.pk, client=key, number=0, series=[points])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        (
            {"acc": [0.002, 0.9, 0.8], "outer/lr": [10]},
            ["acc, best", "0.9", "highest, at step 2", "acc, last", "0.8", "step 3, 3 points"],
        ),
        (
            {"query_loss": [float("nan")], "outer/lr": [10]},
            ["query_loss, best", "NaN", "no finite value", "query_loss, last", "NaN",
             "step 1, 1 point"],
        ),
        ({"grad_norm": [2, 1]}, ["grad_norm, last", "1", "step 2, 2 points"]),
        ({"outer/lr": [10]}, []),
    ],
)  # fmt: skip
def test_the_run_page_headlines_the_metric_that_speaks_for_the_run(client: Client, logged, shown):
    run = make.make_run(
        make.make_project(make.make_workspace("lab", ada="member")), status="failed"
    )
    for key, values in logged.items():
        log(run, key, values)
    client.force_login(make.make_user("ada"))

    stats = client.get(f"/runs/{run.pk}/").context["stats"]

    assert [text for one in stats for text in (one.title, str(one.value), one.under)] == shown
