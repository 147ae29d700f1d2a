"""Bands over runs: against SciPy, a hand count of N, and simulated runs whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from experiments.comparing.bands import METHODS, band

STEPS = np.arange(5)


def lines(*rows, steps=STEPS):
    return [(np.asarray(steps), np.asarray(row, dtype=np.float64)) for row in rows]


def test_a_band_is_what_scipy_says_of_each_place():
    values = np.random.default_rng(3).normal(size=(6, 5))

    found = band(lines(*values), "t", width=100)

    ends = [stats.t.interval(0.95, 5, column.mean(), stats.sem(column)) for column in values.T]
    np.testing.assert_allclose(found.mean, values.mean(axis=0))
    np.testing.assert_allclose(np.transpose([found.low, found.high]), ends)
    assert found.counts.tolist() == [6] * 5
    assert not found.interpolated


def test_a_deviation_and_a_range_are_those_of_the_runs():
    values = np.random.default_rng(4).normal(size=(3, 5))

    sd, ends = (band(lines(*values), method, width=100) for method in ("sd", "minmax"))

    np.testing.assert_allclose(sd.high - sd.mean, values.std(axis=0, ddof=1))
    np.testing.assert_allclose([ends.low, ends.high], [values.min(axis=0), values.max(axis=0)])


@pytest.mark.parametrize("method", METHODS)
def test_below_two_runs_there_is_no_band(method):
    """The second run is shorter, the third diverges."""
    short = (STEPS[:3], np.ones(3))
    found = band([*lines([1, 2, 3, 4, 5], [1, np.nan, 1, np.inf, 1]), short], method, width=100)

    assert found.counts.tolist() == [3, 2, 3, 1, 2]
    assert np.isfinite(found.mean).all()
    assert np.isnan(found.low).tolist() == [False, False, False, True, False]
    assert np.isnan(found.high).tolist() == np.isnan(found.low).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_nothing_has_no_band(method):
    for nothing in ([], [(np.empty(0), np.empty(0))]):
        assert len(band(nothing, method, width=100).x) == 0


def test_runs_that_log_at_other_steps_meet_on_the_straight_line():
    found = band([([0, 4], np.array([0.0, 4.0])), (STEPS, np.ones(5))], "minmax", width=100)

    assert found.interpolated
    np.testing.assert_allclose(found.mean, (np.arange(5) + 1) / 2)


def test_more_places_than_can_be_drawn_become_as_many_as_can():
    steps = np.arange(10_000)

    found = band(lines(steps / 2.0, steps * 1.5, steps=steps), "sd", width=50)

    assert 48 <= len(found.x) <= 50
    np.testing.assert_allclose(found.mean, found.x)


@pytest.mark.parametrize(("method", "rate", "off"), [("t", 0.95, 0.01), ("bootstrap", 0.92, 0.02)])
def test_an_interval_covers_the_true_mean_as_often_as_it_says(method, rate, off):
    """20,000 places, 12 runs each; percentiles of 12 are known to be a little too narrow."""
    rng = np.random.default_rng(5)
    steps = np.arange(2_000)
    hits = []
    for _ in range(10):
        found = band(lines(*rng.normal(size=(12, 2_000)), steps=steps), method, width=2_000)
        hits.append(((found.low <= 0) & (found.high >= 0)).mean())

    assert np.mean(hits) == pytest.approx(rate, abs=off)


def test_a_bootstrap_is_the_same_every_time():
    values = lines(*np.random.default_rng(6).normal(size=(4, 5)))

    first, second = (band(values, "bootstrap", width=100) for _ in range(2))

    np.testing.assert_array_equal(first.low, second.low)


def test_points_that_one_run_has_more_do_not_narrow_the_band_of_the_others():
    rng = np.random.default_rng(3)
    steps = np.arange(500)
    runs = [(steps, rng.normal(size=500)) for _ in range(3)]
    more = np.append(steps, [1001, 1003]), np.append(runs[2][1], [np.nan, np.inf])

    found = band([runs[0], runs[1], more], "t", width=400)

    assert not found.interpolated
    assert set(found.x) <= {*steps.tolist(), 1001, 1003}
    assert len(found.x) <= 400
    place = int(np.argmax(found.x >= 346))
    values = [run[1][int(found.x[place])] for run in runs]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (found.low[place], found.high[place]) == pytest.approx((low, high))
