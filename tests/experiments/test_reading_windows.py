"""Series as charts look at them: smoothed over every point, zoomed in along steps and time."""

import math

import numpy as np
import pytest

from experiments import folding, reading, recording
from experiments.reading.smoothing import debiased_average
from experiments.shapes import SeriesPoints, Window
from tests import factories

pytestmark = pytest.mark.django_db

BEGAN = 1.79e9


def by_hand(values, weight):
    """The debiased moving average, one value after another."""
    averages, total, weights = [], 0.0, 0.0
    for value in values:
        if not math.isfinite(value):
            averages.append(math.nan)
            continue
        total = weight * total + (1 - weight) * value
        weights = weight * weights + (1 - weight)
        averages.append(total / weights)
    return np.array(averages)


def noisy(length, bad=()):
    values = 5 / (1 + np.arange(length) / 50) + np.random.default_rng(3).normal(0, 1, length)
    for place, value in bad:
        values[place] = value
    return values


def make_series(values, *, times=None, steps=None, unfolded=0, key="loss"):
    """A run with one series, all but the last `unfolded` points of it folded."""
    run = factories.make_run()
    steps = np.arange(len(values)) if steps is None else np.asarray(steps)
    times = BEGAN + 2.0 * steps if times is None else np.asarray(times)
    cut = len(values) - unfolded
    for number, part in enumerate((slice(0, cut), slice(cut, None))):
        points = SeriesPoints(key, steps[part], times[part], np.asarray(values)[part])
        if len(points.steps):
            recording.record(run_id=run.pk, client="c", number=number, series=[points])
        if number == 0:
            folding.fold_run(run.pk)
    return run


@pytest.mark.parametrize("weight", [0.1, 0.6, 0.97, 0.99])
@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 1025, 5000])
def test_the_average_is_the_one_worked_by_hand(weight, length):
    values = noisy(length)

    np.testing.assert_allclose(
        debiased_average(values, weight), by_hand(values, weight), rtol=1e-12, atol=1e-13
    )


def test_three_values_on_paper():
    # weight 0.5: (4), (0.25*4 + 0.5*8)/0.75, (0.125*4 + 0.25*8 + 0.5*2)/0.875
    assert debiased_average(np.array([4.0, 8.0, 2.0]), 0.5) == pytest.approx([4, 20 / 3, 4])


def test_the_average_passes_over_what_is_not_finite():
    values = np.array([4.0, math.nan, 8.0, math.inf, -math.inf, 2.0])

    found = debiased_average(values, 0.5)

    assert np.isnan(found[[1, 3, 4]]).all()
    assert found[[0, 2, 5]] == pytest.approx([4, 20 / 3, 4])
    assert np.isnan(debiased_average(np.full(40, math.nan), 0.9)).all()


def test_smoothing_comes_before_reduction():
    values = noisy(10_000, bad=[(4_000, math.nan), (4_001, math.inf)])
    run = make_series(values, unfolded=700)

    (view,) = reading.charted([run.pk], ["loss"], smooth=0.97, width=200)

    assert not view.exact
    assert len(view.x) == 200
    assert view.points == 10_000
    ends = np.cumsum(view.counts)
    buckets = np.split(by_hand(values, 0.97), ends[:-1])
    np.testing.assert_allclose(view.smoothed, [np.nanmean(one) for one in buckets], rtol=1e-12)
    # The raw line and its marks are there as without smoothing.
    assert view.high.max() == values[np.isfinite(values)].max()
    assert (view.bad_steps.tolist(), view.bad_kinds, view.bad_count) == ([4_000], ("nan",), 2)


def test_neither_zoom_nor_width_changes_the_average():
    values = noisy(6_000)
    run = make_series(values)
    expected = by_hand(values, 0.9)

    (view,) = reading.charted([run.pk], ["loss"], Window("step", 5000, 5100), smooth=0.9)

    assert view.exact
    assert view.x.tolist() == list(range(4999, 5102))  # and one more on each side
    np.testing.assert_allclose(view.smoothed, expected[4999:5102], rtol=1e-12)


def test_a_bucket_without_a_finite_value_is_a_gap():
    run = make_series([1.0, 3.0, math.nan, math.nan, 5.0, 5.0])

    (view,) = reading.charted([run.pk], ["loss"], smooth=0.5, width=3)

    assert np.isnan(view.smoothed).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "window",
    [
        Window("step", 100.4, 199.6),
        Window("relative", 200.8, 399.2),
        Window("time", BEGAN + 200.8, BEGAN + 399.2),
    ],
)
@pytest.mark.parametrize("unfolded", [0, 5_000, 9_000])
def test_a_window_on_any_axis_brings_its_exact_points(window, unfolded):
    run = make_series(noisy(9_000), unfolded=unfolded)

    (view,) = reading.charted([run.pk], ["loss"], window, width=300)

    assert view.exact
    assert view.x.tolist() == list(range(100, 201))
    assert view.origin == BEGAN


def test_each_run_is_cut_by_its_own_clock():
    slow = make_series(noisy(100), times=BEGAN + 60.0 * np.arange(100))
    fast = make_series(noisy(100), times=BEGAN + 9e5 + 6.0 * np.arange(100))

    views = reading.charted([slow.pk, fast.pk], ["loss"], Window("relative", 120, 300))

    assert [(view.first_step, view.last_step) for view in views] == [(1, 6), (19, 51)]


def test_a_window_between_two_points_shows_the_line_between_them():
    run = make_series([1.0, 2.0, 3.0], steps=[0, 1_000, 2_000])

    (view,) = reading.charted([run.pk], ["loss"], Window("step", 1_200, 1_300))

    assert view.x.tolist() == [1_000, 2_000]


def test_a_window_beside_all_points_is_empty():
    run = make_series([1.0, 2.0])
    alone = make_series([1.0])

    for one in (run, alone):
        (view,) = reading.charted([one.pk], ["loss"], Window("time", 0, 100), smooth=0.9)
        assert (len(view.x), view.points, view.exact) == (0, 0, True)
    (view,) = reading.charted([alone.pk], ["loss"], Window("step", -1, 1))
    assert view.x.tolist() == [0]


def test_a_clock_that_goes_back_loses_no_point():
    times = BEGAN + np.array([0.0, 10.0, 20.0, 5.0, 15.0, 30.0])
    run = make_series(np.arange(6.0), times=times)

    (view,) = reading.charted([run.pk], ["loss"], Window("time", BEGAN + 14, BEGAN + 16))

    assert view.x.tolist() == [1, 2, 3, 4, 5]  # from the line 10-20 to the line 15-30


@pytest.mark.parametrize("unfolded", [0, 400, 9_000])
def test_minutes_count_from_the_first_point_even_when_it_is_not_drawn(unfolded):
    run = make_series(noisy(9_000), unfolded=unfolded)

    (view,) = reading.charted([run.pk], ["loss"], Window("relative"), width=100)

    assert not view.exact
    assert view.times[0] > BEGAN
    assert view.origin == BEGAN


def test_a_first_point_that_came_late_is_where_minutes_count_from():
    run = make_series([1.0, 2.0], steps=[5, 6])
    late = SeriesPoints("loss", np.array([2]), np.array([BEGAN + 99]), np.array([0.0]))
    recording.record(run_id=run.pk, client="late", number=0, series=[late])

    (view,) = reading.charted([run.pk], ["loss"], Window("relative"))

    assert view.origin == BEGAN + 99


def test_the_whole_axis_of_steps_reads_no_more_than_before():
    run = make_series(noisy(9_000))

    (view,) = reading.charted([run.pk], ["loss"], width=100)
    (plain,) = reading.series([run.pk], ["loss"], width=100)

    assert view.x.tolist() == plain.x.tolist()
    assert view.smoothed is None
