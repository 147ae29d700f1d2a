"""The judgement over several runs, and the protocol guard before it."""

from collections.abc import Callable

import numpy as np
import pytest

from experiments.comparing import protocol, verdict
from experiments.errors import Invalid
from experiments.models import Evaluation
from tests.comparing.building import evaluation

pytestmark = pytest.mark.django_db


@pytest.fixture
def losses() -> Callable[..., np.ndarray]:
    base = np.random.default_rng(0).uniform(0.5, 1.5, (40, 3))

    def shifted(by: float, noise: float = 0.0) -> np.ndarray:
        return base + by + noise * np.random.default_rng(1).normal(size=base.shape)

    return shifted


def judged(*evaluations: Evaluation | None, **options) -> verdict.Verdict:
    named = {chr(97 + i): one for i, one in enumerate(evaluations)}
    return verdict.judge(named, baseline_id="a", **options)


def test_better_worse_and_unclear(losses):
    found = judged(
        evaluation(losses(0)),
        evaluation(losses(-0.3, 0.01)),
        evaluation(losses(0.3, 0.01)),
        evaluation(losses(0, 0.2)),
    )

    assert [one.judgement for one in found.comparisons] == ["better", "worse", "unclear"]
    assert found.tests == 3
    assert all(one.holm_p >= one.paired.p_value for one in found.comparisons)
    assert found.mismatches == ()


def test_an_interval_without_zero_does_not_stand_against_holm():
    values = np.ones((8, 2))
    lower = values - np.array([1, 1, 1, 1, 1, 1, 1, -0.4])[:, None]
    others = [evaluation(lower) for _ in range(6)]

    alone = judged(evaluation(values), others[0])
    among = judged(evaluation(values), *others)

    assert alone.comparisons[0].paired.interval.excludes_zero
    assert alone.comparisons[0].judgement == "better"
    assert among.comparisons[0].paired.interval.excludes_zero
    assert among.comparisons[0].judgement == "unclear"


def test_a_run_does_not_win_by_diverging_on_some_episodes(losses):
    clearly, spared = losses(-0.3, 0.01), losses(-0.3, 0.01)
    spared[5] = np.nan

    found = judged(evaluation(losses(0)), evaluation(clearly), evaluation(spared))

    assert [one.judgement for one in found.comparisons] == ["better", "unclear"]
    assert found.comparisons[1].paired.nonfinite == (0, 1)


def test_a_run_loses_also_where_it_diverged_on_some_episodes(losses):
    worse = losses(0.3, 0.01)
    worse[5] = np.inf

    found = judged(evaluation(losses(0)), evaluation(worse))

    assert found.comparisons[0].judgement == "worse"


@pytest.mark.parametrize("field", ["way", "shot", "query", "batch_norm", "distribution_hash"])
def test_another_protocol_is_named_and_left_out(losses, field: str):
    found = judged(evaluation(losses(0)), evaluation(losses(-1), **{field: "other"}))

    (mismatch,) = found.mismatches
    assert (mismatch.field, mismatch.forbids, mismatch.outsiders) == (field, True, (1,))
    assert mismatch.values[1] == "other"
    assert found.comparisons[0].judgement == "excluded"
    assert found.comparisons[0].paired is None


def test_a_protocol_that_was_not_recorded_is_not_assumed_to_be_the_same(losses):
    silent = evaluation(losses(0), shot=None)

    (mismatch,) = protocol.check([evaluation(losses(0)), silent])

    assert mismatch.values == ("10", protocol.NOT_RECORDED)
    assert mismatch.forbids


def test_other_inner_steps_in_training_are_named_and_compared(losses):
    found = judged(evaluation(losses(0)), evaluation(losses(-0.5), inner_steps_trained=2))

    (mismatch,) = found.mismatches
    assert (mismatch.field, mismatch.forbids) == ("inner_steps_trained", False)
    assert found.comparisons[0].judgement == "better"
    assert found.inner_steps == {"a": 1, "b": 2}
    assert found.comparisons[0].paired.inner_steps == (1, 2)


def test_fewer_episodes_are_named_and_the_common_ones_paired(losses):
    found = judged(evaluation(losses(0)), evaluation(losses(-0.5)[:20]))

    assert [one.field for one in found.mismatches] == ["episode_count"]
    assert found.comparisons[0].paired.count == 20
    assert found.comparisons[0].paired.only_a == 20


def test_baselines_without_trained_steps_are_scored_after_the_others_fewest(losses):
    found = judged(
        evaluation(losses(0), inner_steps_trained=2),
        evaluation(losses(0), inner_steps_trained=0),
        evaluation(losses(0), inner_steps_trained=9),
    )

    assert found.inner_steps == {"a": 2, "b": 2, "c": 2}  # no more than were evaluated


def test_missing_evaluations_are_missing_not_bad(losses):
    assert judged(evaluation(losses(0)), None).comparisons[0].judgement == "missing"
    without_baseline = judged(None, evaluation(losses(0)))
    assert without_baseline.comparisons[0].judgement == "missing"


def test_one_common_episode_is_too_few(losses):
    found = judged(evaluation(losses(0)), evaluation(losses(-1)[:1]))

    assert found.comparisons[0].judgement == "unknown"
    assert found.comparisons[0].paired.count == 1


def test_a_chosen_inner_step_counts_for_all(losses):
    found = judged(evaluation(losses(0)), evaluation(losses(-1)), inner_step=2)

    assert set(found.inner_steps.values()) == {2}
    with pytest.raises(Invalid, match="use 0 to 2"):
        judged(evaluation(losses(0)), evaluation(losses(-1)), inner_step=3)
