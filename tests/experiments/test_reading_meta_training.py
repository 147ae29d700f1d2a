"""Evaluations by meta-step and inner step, and the gap between held-out and training splits."""

import numpy as np
import pytest
from scipy import stats

from experiments import reading
from experiments.models import Run
from tests.comparing.building import evaluation
from tests.factories import make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def run() -> Run:
    return make_run()


def losses(level: float, *, seed: int = 0, episodes: int = 20, steps: int = 3) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(episodes, steps + 1))
    return level + 0.1 * noise + np.arange(steps, -1, -1)


def test_evaluations_are_rows_by_meta_step_and_columns_by_inner_step(run):
    later, earlier = losses(1.0), losses(2.0)
    evaluation(later, run, name="validation", step=200)
    evaluation(earlier, run, name="validation", step=100)
    evaluation(losses(9.0), run, name="test", step=200)

    found = reading.over_training(run.pk)

    assert found.steps.tolist() == [100, 200]
    assert found.mean[0] == pytest.approx(earlier.mean(axis=0))
    assert found.mean[1] == pytest.approx(later.mean(axis=0))
    assert found.counts.tolist() == [[20] * 4] * 2
    assert found.trained_inner_steps == 1


def test_inner_steps_that_an_evaluation_lacks_are_gaps(run):
    evaluation(losses(1.0, steps=1), run, name="validation", step=100)
    evaluation(losses(1.0, steps=3), run, name="validation", step=200)

    found = reading.over_training(run.pk)

    assert np.isnan(found.mean[0, 2:]).all()
    assert found.counts[0].tolist() == [20, 20, 0, 0]
    assert np.isfinite(found.mean[1]).all()


def test_run_without_evaluations_has_no_rows(run):
    found = reading.over_training(run.pk)

    assert found.mean.shape == (0, 0)
    assert reading.gaps(run.pk) == []


def test_accuracy_is_found_where_it_was_measured(run):
    evaluation(losses(1.0), run, name="validation", step=1)
    evaluation(losses(1.0), run, name="validation", step=2, accuracies=losses(0.5))

    assert reading.over_training(run.pk, metric="accuracy").steps.tolist() == [2]


def test_gap_is_welchs_interval_of_held_out_less_training_split(run):
    held_out, known = losses(1.5, seed=1, episodes=30), losses(1.0, seed=2, episodes=12)
    evaluation(held_out, run, name="validation", step=100)
    evaluation(known, run, name="train", step=100)

    (gap,) = reading.gaps(run.pk)

    expected = stats.ttest_ind(held_out[:, 1], known[:, 1], equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert (gap.name, gap.inner_step) == ("validation", 1)
    assert gap.gap[0] == pytest.approx((low + high) / 2)
    assert gap.half_width[0] == pytest.approx((high - low) / 2)
    assert gap.counts.tolist() == [[30, 12]]


def test_gap_needs_both_splits_at_the_same_meta_step_adapted_alike(run):
    evaluation(losses(1.0), run, name="validation", step=100, inner_lr=0.01)
    evaluation(losses(1.0), run, name="train", step=100, inner_lr=0.1)
    evaluation(losses(1.0), run, name="validation", step=200, inner_lr=0.01)
    evaluation(losses(1.0), run, name="train", step=300, inner_lr=0.01)

    assert reading.gaps(run.pk) == []


def test_validation_and_test_have_gaps_of_their_own(run):
    for step in (100, 200):
        evaluation(losses(1.0), run, name="train", step=step)
        evaluation(losses(1.2, seed=1), run, name="validation", step=step)
    evaluation(losses(1.4, seed=2), run, name="test", step=200)

    validation, test = reading.gaps(run.pk, inner_step=0)

    assert validation.steps.tolist() == [100, 200]
    assert (test.name, test.steps.tolist(), test.inner_step) == ("test", [200], 0)


def test_gap_of_single_episodes_has_no_interval(run):
    evaluation(losses(1.0, episodes=1), run, name="validation", step=1)
    evaluation(losses(1.0, episodes=1), run, name="train", step=1)

    (gap,) = reading.gaps(run.pk)

    assert gap.gap[0] == pytest.approx(0)
    assert np.isnan(gap.half_width[0])
