"""Learned optimizers beside hand-made ones: on a run's page and in comparisons."""

from typing import Any

import numpy as np
import pytest
from django.test import Client

from dashboard.charts.adaptation import LONG
from dashboard.episodes.optimizer_race import race_of, race_rows
from experiments.models import Evaluation, Project, Role, Run
from experiments.shapes import FloatArray
from tests.comparing.building import evaluation
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

PROBLEMS, STEPS, HORIZON = 40, 120, 60


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def project(db: Any) -> Project:
    return make_project(make_workspace("lab", ada=Role.MEMBER))


def losses(level: float, seed: int = 0) -> FloatArray:
    """Problems share how hard they are; curves fall to the level over three decades."""
    hard = np.random.default_rng(1).uniform(0.5, 1.5, (PROBLEMS, 1))
    noise = np.random.default_rng(seed).normal(0, 0.01, (PROBLEMS, STEPS + 1))
    return hard * (level + 100 * np.exp(-np.arange(STEPS + 1) / 4)) + np.abs(noise)


def learned_run(project: Project, level: float = 0.1, name: str = "lstm") -> Run:
    """A run that tried Adam (worse at the end) and SGD (diverging) beside its optimizer."""
    run = make_run(project, name, status="completed")
    evaluation(losses(level), run, name="test", inner_steps_trained=HORIZON)
    opponent(run, "Adam", losses(0.5, 2), inner_lr=0.2)
    diverging = losses(0.9, 3)
    diverging[:5, -1] = np.inf
    opponent(run, "<b>SGD", diverging)
    return run


def opponent(run: Run, title: str, table: FloatArray, **protocol: Any) -> None:
    """A hand-made optimizer on the problems of the run's test."""
    one = evaluation(table, run, name=f"hand-made {title}", inner_steps_trained=HORIZON, **protocol)
    one.episode_ids = newest(run).episode_ids
    one.save(update_fields=["episode_ids"])


def newest(run: Run) -> Evaluation:
    return run.evaluations.get(name="test")


def test_a_learned_optimizer_is_paired_with_each_hand_made_one(project):
    race = race_of(learned_run(project))

    assert race is not None
    assert (race.horizon, race.last, race.steps) == (HORIZON, STEPS, [HORIZON, STEPS])
    rows = race_rows(race)
    assert [(row.name, row.step) for row in rows] == [
        ("<b>SGD", 60), ("Adam", 60), ("<b>SGD", 120), ("Adam", 120),
    ]  # fmt: skip
    assert {row.word for row in rows} == {"learned is better"}
    assert [row.count for row in rows] == [40, 40, 35, 40]
    assert [row.wins for row in rows] == [40, 40, 35, 40]
    assert rows[1].rate == "0.2"
    assert rows[0].rate == "unknown"
    assert rows[1].difference.startswith("−0.3")
    assert "Holm, 4 tests" in rows[0].p


def test_a_difference_that_may_be_chance_is_called_unclear(project):
    run = make_run(project, "lstm", status="completed")
    evaluation(losses(0.5, 5), run, name="test", inner_steps_trained=HORIZON)
    opponent(run, "Adam", losses(0.5, 2))

    race = race_of(run)

    assert race is not None
    assert {row.word for row in race_rows(race)} == {"no clear difference"}


def test_the_run_page_draws_all_with_the_horizon_marked(ada, project):
    run = learned_run(project)

    body = ada.get(f"/runs/{run.pk}/charts/optimizers/").json()
    page = ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()

    names = [entry["name"] for entry in body["legend"]]
    assert names == ["learned", "<b>SGD, rate unknown", "Adam, rate 0.2"]
    layout = body["figure"]["layout"]
    [line] = layout["shapes"]
    assert (line["x0"], line["x1"]) == (HORIZON, HORIZON)
    assert layout["yaxis"]["type"] == "log"
    assert layout["xaxis"]["title"]["text"] == f"optimizer step (trained with {HORIZON})"
    assert "N = 40 problems" in body["note"]
    assert "Not finite on some problems, which are left out: <b>SGD" in body["note"]
    assert "Against hand-made optimizers" in page
    assert "&lt;b&gt;SGD" in page
    assert "<b>SGD" not in page
    assert 'data-chart-table="Loss by optimizer step"' in page


def test_long_curves_have_no_marks_at_every_point(ada, project):
    run = learned_run(project)
    short = make_run(project, "maml", status="completed")
    evaluation(np.ones((5, LONG)), short, name="test", inner_steps_trained=1)

    long_body = ada.get(f"/runs/{run.pk}/charts/adaptation/?evaluation={newest(run).pk}").json()
    short_body = ada.get(f"/runs/{short.pk}/charts/adaptation/?evaluation={newest(short).pk}")

    assert "lines+markers" not in str(long_body["figure"]["data"])
    assert "lines+markers" in str(short_body.json()["figure"]["data"])
    assert not short_body.json()["figure"]["layout"].get("shapes")


def test_compared_runs_share_the_hand_made_optimizers_of_the_first(ada, project):
    runs = [learned_run(project), learned_run(project, 0.2, "second")]
    ids = ",".join(run.pk for run in runs)

    body = ada.get(f"/compare/charts/optimizers/?runs={ids}").json()
    page = ada.get(f"/compare/?runs={ids}").content.decode()

    names = [entry["name"] for entry in body["legend"]]
    assert len(names) == 4
    assert names[2:] == ["<b>SGD, rate unknown", "Adam, rate 0.2"]
    assert "Learned and hand-made optimizers" in page


def test_hand_made_optimizers_of_other_problems_are_not_shown(ada, project):
    plain = make_run(project, "adam", status="completed")
    evaluation(losses(0.3), plain, name="test", distribution_hash="0ther")
    other = learned_run(project)

    body = ada.get(f"/compare/charts/optimizers/?runs={plain.pk},{other.pk}").json()

    assert body["figure"] is None
    assert "No run shown has tried hand-made optimizers" in body["empty"]


def test_a_run_that_tried_none_shows_none(ada, project):
    run = make_run(project, "maml", status="completed")
    evaluation(np.ones((3, 2)), run)

    assert "Against hand-made" not in ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()
    assert ada.get(f"/runs/{run.pk}/charts/optimizers/").json()["figure"] is None


def test_figures_of_foreign_runs_are_not_found(ada):
    foreign = learned_run(make_project(make_workspace("other"), "theirs"))

    assert ada.get(f"/runs/{foreign.pk}/charts/optimizers/").status_code == 404
    assert (
        ada.get(f"/compare/charts/optimizers/?runs={foreign.pk},{foreign.pk}x").status_code == 404
    )
