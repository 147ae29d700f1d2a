"""The range of adaptation curves at a meta-step holds their intervals, at every meta-step."""

import numpy as np
import pytest

from dashboard.charts.adaptation_at import RunAt, adaptation_at, adaptations_at
from experiments.shapes import OverTraining


def found(mean, half, metric: str = "loss") -> OverTraining:
    mean, half = np.array(mean, dtype=float), np.array(half, dtype=float)
    return OverTraining(
        name="test", metric=metric, steps=np.arange(1, len(mean) + 1) * 100, mean=mean,
        half_width=half, counts=np.full(mean.shape, 20), trained_inner_steps=1,
    )  # fmt: skip


def test_a_linear_axis_holds_the_widest_interval_of_any_meta_step():
    wide = found([[4.0, 2.0], [3.0, 1.0]], [[3.0, 0.5], [0.1, np.nan]])

    for figure in (
        adaptation_at(wide, 1, slot=1),
        adaptations_at([RunAt(wide, 0, "a", 1), RunAt(wide, 1, "b", 2)]),
    ):
        low, high = figure.layout.yaxis.range
        assert low < 1.0
        assert high > 7.0


def test_a_logarithmic_axis_does_not_follow_intervals_to_zero():
    far = found([[100.0, 1.0], [50.0, 0.5]], [[150.0, 2.0], [1.0, 1.0]])

    figure = adaptations_at([RunAt(far, 0, "a", 1)])

    low, high = 10 ** np.array(figure.layout.yaxis.range)
    assert 0.1 < low < 0.25
    assert 250 < high < 500
    ends = [value for trace in figure.data for value in trace.y]
    assert min(ends) == pytest.approx(0.25)


def test_accuracies_have_the_whole_range():
    some = found([[0.2, 0.9]], [[0.1, 0.3]], metric="accuracy")

    assert adaptation_at(some, 0, slot=1).layout.yaxis.range == (0, 1)
