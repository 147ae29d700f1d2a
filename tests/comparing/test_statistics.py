"""Paired differences: a hand-worked check, edge cases, and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.comparing import statistics
from experiments.errors import Invalid
from experiments.shapes import Episodes


def episodes(losses: list[float], *, ids: list[str] | None = None, accuracies=None) -> Episodes:
    """One inner step, step 1; step 0 is a constant that must not matter."""
    table = np.array([[9.0, loss] for loss in losses]).reshape(-1, 2)
    return Episodes(
        ids=tuple(ids or [f"e{i}" for i in range(len(losses))]),
        losses=table,
        accuracies=None if accuracies is None else np.array([[0.0, a] for a in accuracies]),
    )


def compare(a: Episodes, b: Episodes, **options):
    return statistics.paired(a, b, inner_step=1, **options)


def test_hand_worked_example():
    # Differences B - A: 1, 2, 3, 6. Mean 3; squared deviations 4 + 1 + 0 + 9 = 14, s^2 = 14/3,
    # standard error sqrt(14/12) = 1.0801; t(0.975, 3) = 3.1824; half width 3.4374.
    found = compare(episodes([1, 1, 1, 1]), episodes([2, 3, 4, 7]))

    assert found.mean == 3
    assert found.interval.low == pytest.approx(3 - 3.4374, abs=1e-3)
    assert found.interval.high == pytest.approx(3 + 3.4374, abs=1e-3)
    assert (found.wins, found.ties, found.losses) == (0, 0, 4)
    # Of the 16 sign patterns only all plus and all minus are as extreme.
    assert found.p_value == pytest.approx(2 / 16)
    assert not found.interval.excludes_zero
    assert not found.favours_b


def test_t_interval_agrees_with_scipy():
    values = np.random.default_rng(1).normal(0.1, 1, 200)

    found = statistics.t_interval(values)

    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_bootstrap_agrees_with_scipy_and_repeats():
    values = np.random.default_rng(2).exponential(1, 300) - 0.8

    found = statistics.bootstrap_interval(values)

    expected = stats.bootstrap((values,), np.mean, method="percentile", rng=3).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    again = statistics.bootstrap_interval(values.copy())
    assert (again.low, again.high) == (found.low, found.high)
    assert found.method == "95 % percentile bootstrap interval, 10,000 resamples, seed 0"


def test_random_sign_flips_agree_with_scipy():
    values = np.random.default_rng(4).normal(0.25, 1, 60)

    p_value, name = statistics.sign_flip_test(values)

    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", rng=5, n_resamples=9_999
    ).pvalue
    assert p_value == pytest.approx(expected, abs=0.02)
    assert name == "permutation test, 10,000 sign flips, seed 0"


def test_accuracy_is_better_when_higher():
    a = episodes([1, 1, 1], accuracies=[0.2, 0.4, 0.4])
    b = episodes([1, 1, 1], accuracies=[0.6, 0.4, 0.2])

    found = compare(a, b, metric="accuracy")

    assert (found.wins, found.ties, found.losses) == (1, 1, 1)
    assert found.mean == pytest.approx(0.2 / 3)
    assert found.favours_b


def test_only_common_episodes_are_paired_whatever_their_order():
    a = episodes([1, 2, 3], ids=["x", "y", "only-a"])
    b = episodes([5, 1, 9, 9], ids=["y", "x", "only-b", "also-b"])

    found = compare(a, b)

    assert found.ids == ("x", "y")
    assert found.differences.tolist() == [0, 3]
    assert (found.only_a, found.only_b) == (1, 2)


def test_episodes_without_a_finite_value_are_named_and_left_out():
    found = compare(episodes([1, np.nan, 1, 1]), episodes([2, 1, np.inf, 4]))

    assert found.excluded == ("e1", "e2")
    assert found.count == 2
    assert found.mean == 2


def test_no_common_episodes_have_no_mean_interval_or_p():
    found = compare(episodes([1], ids=["a"]), episodes([2], ids=["b"]))

    assert (found.count, found.mean, found.p_value) == (0, None, None)
    assert (found.interval.low, found.interval.high) == (None, None)
    assert not found.interval.excludes_zero


def test_one_common_episode_has_a_mean_but_no_interval():
    found = compare(episodes([1]), episodes([3]), interval="bootstrap")

    assert (found.count, found.mean, found.p_value) == (1, 2, None)
    assert found.interval.low is None


def test_equal_differences_give_a_point_and_equal_runs_a_p_of_one():
    shifted = compare(episodes([0.1] * 5), episodes([0.3] * 5))
    equal = compare(episodes([1, 2, 3]), episodes([1, 2, 3]))

    assert shifted.interval.low == shifted.interval.high == pytest.approx(0.2)
    assert shifted.p_value == pytest.approx(2 / 32)
    assert (equal.mean, equal.p_value, equal.ties) == (0, 1.0, 3)
    assert not equal.interval.excludes_zero


def test_too_many_episodes_to_resample_fall_back_to_t_and_say_so():
    values = np.random.default_rng(6).normal(0.01, 1, statistics.MOST_RESAMPLED + 1)

    p_value, name = statistics.sign_flip_test(values)
    interval = statistics.bootstrap_interval(values)

    assert p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert name == "paired t test"
    assert interval.method == "95 % paired t interval (too many to bootstrap)"


def test_each_run_may_be_taken_at_its_own_inner_step():
    a, b = episodes([1, 1]), episodes([2, 2])

    found = statistics.paired(a, b, inner_step=(0, 1))

    assert found.differences.tolist() == [-7, -7]
    assert found.inner_steps == (0, 1)


@pytest.mark.parametrize("step", [-1, 2])
def test_a_missing_inner_step_is_refused(step: int):
    with pytest.raises(Invalid, match="use 0 to 1"):
        statistics.paired(episodes([1]), episodes([1]), inner_step=step)


def test_missing_accuracies_are_refused():
    with pytest.raises(Invalid, match="compare by loss"):
        compare(episodes([1]), episodes([1]), metric="accuracy")


def test_holm_by_hand():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1, made monotone: 0.03, 0.06, 0.06.
    assert statistics.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert statistics.holm([]) == []
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]


finite = st.floats(-100, 100).map(lambda value: round(value, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=10))
def test_swapping_runs_mirrors_everything(pairs):
    a, b = episodes([x for x, _ in pairs]), episodes([y for _, y in pairs])

    one, other = compare(a, b), compare(b, a)

    assert one.mean == pytest.approx(-other.mean, abs=1e-9)
    assert one.interval.low == pytest.approx(-other.interval.high, abs=1e-9)
    assert (one.wins, one.ties) == (other.losses, other.ties)
    assert one.p_value == pytest.approx(other.p_value)
    assert 0 < one.p_value <= 1
    assert one.interval.low - 1e-9 <= one.mean <= one.interval.high + 1e-9
    assert one.wins + one.ties + one.losses == one.count


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    adjusted = statistics.holm(p_values)

    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    ranked = [adjusted[i] for i in sorted(range(len(p_values)), key=lambda i: p_values[i])]
    assert ranked == sorted(ranked)
    assert all(a <= 1 for a in adjusted)
