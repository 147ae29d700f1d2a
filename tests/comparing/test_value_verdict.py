"""Groups by one number a run: seeds alone are the sample."""

import numpy as np
import pytest
from scipy import stats

from experiments.comparing import value_verdict
from experiments.comparing.groups import Group

NUMBERS = np.random.default_rng(0)


def judged(a, b, *more, seeds=True, direction="max"):
    groups, values = [], {}
    for letter, numbers in zip("abcd", (a, b, *more), strict=False):
        ids = tuple(f"{letter}{i}" for i in range(len(numbers)))
        own = tuple(range(len(numbers))) if seeds else (None,) * len(numbers)
        groups.append(Group(letter, ids, own, ()))
        values.update(zip(ids, numbers, strict=True))
    return value_verdict.judge(groups, values, baseline_id="a0", direction=direction)


def test_unpaired_seeds_are_tested_as_scipy_tests_them():
    a, b = NUMBERS.normal(size=5).tolist(), (NUMBERS.normal(size=7) * 2 + 1).tolist()

    (one,) = judged(a, b).comparisons

    expected = stats.ttest_ind(b, a, equal_var=False)
    bounds = expected.confidence_interval(0.95)
    assert one.p_value == pytest.approx(expected.pvalue)
    assert (one.interval.low, one.interval.high) == pytest.approx((bounds.low, bounds.high))
    assert one.test == "Welch's t test over seeds"
    assert not one.is_seed_paired


def test_the_same_seeds_are_paired_as_scipy_pairs_them():
    a = NUMBERS.normal(size=6)
    b = a + 0.3 + 0.1 * NUMBERS.normal(size=6)

    (one,) = judged(a.tolist(), b.tolist()).comparisons

    expected = stats.ttest_rel(b, a)
    bounds = expected.confidence_interval(0.95)
    assert one.p_value == pytest.approx(expected.pvalue)
    assert (one.interval.low, one.interval.high) == pytest.approx((bounds.low, bounds.high))
    assert one.judgement == "better"


def test_one_run_a_side_says_nothing_about_methods():
    (one,) = judged([0.2], [0.9]).comparisons

    assert one.judgement == "unknown"
    assert one.mean == pytest.approx(0.7)
    assert one.interval.low is None
    assert one.p_value is None
    assert one.seed_p is None


def test_lower_is_better_where_the_direction_says_so_and_none_is_assumed():
    a, b = [1.0, 1.1, 0.9, 1.05], [0.5, 0.6, 0.45, 0.5]

    assert judged(a, b, direction="min").comparisons[0].judgement == "better"
    assert judged(a, b, direction="max").comparisons[0].judgement == "worse"
    assert judged(a, b, direction="").comparisons[0].judgement == "lower"


def test_runs_without_a_finite_number_are_left_out_and_said():
    found = judged([1.0, 1.1, float("nan")], [2.0, None, 2.1], seeds=False)

    assert found.baseline.left_out == {"a2": "not finite"}
    assert found.comparisons[0].group.left_out == {"b1": "no number"}
    assert found.comparisons[0].seeds == (2, 2)


def test_three_paired_seeds_cannot_reach_a_low_permutation_p():
    (one,) = judged([0.0, 0.1, 0.2], [5.0, 5.2, 5.1]).comparisons

    assert one.seed_p == one.least_seed_p == 0.25


def test_several_groups_are_corrected_by_holm():
    found = judged([1.0, 1.1, 0.9], [2.0, 2.2, 2.1], [1.0, 1.2, 0.8])

    assert found.tests == 2
    assert found.comparisons[0].holm_p == pytest.approx(2 * found.comparisons[0].p_value)


@pytest.mark.parametrize(("count", "paired"), [(3, False), (3, True), (5, False), (5, True)])
def test_intervals_cover_the_truth_at_their_rate(count, paired):
    # 2,000 data sets: the standard deviation of the rate is 0.5 %, and 4 of them are allowed.
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(2_000):
        a, b = rng.normal(size=count), 0.5 + rng.normal(size=count)
        found, _ = value_verdict.paired_t(b - a) if paired else value_verdict.welch(a, b)
        covered += found.low <= 0.5 <= found.high

    assert covered / 2_000 >= 0.95 - 0.02
    assert covered / 2_000 <= 0.95 + 0.03  # Welch's is a little wide with 3 seeds
