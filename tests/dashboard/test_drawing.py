"""Figures as plain shapes: what pictures without scripts are made of."""

import numpy as np
import pytest

from dashboard.charts.drawing import Label, Line, draw
from dashboard.charts.learning_curves import Look, framed
from dashboard.charts.packing import packed
from dashboard.charts.theme import line_look


def test_packed_moments_are_drawn_as_the_times_they_are():
    minutes = np.array([0.0, 10.0, 30.0])
    line = {"type": "scatter", "x": packed(minutes * 60_000), "y": packed(minutes)}
    look = line_look(color="var(--run-1)")

    drawing = draw(framed([line | look], Look("time"), has_values=True, is_many=False))

    texts = [shape.text for shape in drawing.shapes if isinstance(shape, Label)]
    assert [text for text in texts if ":" in text] == [
        "00:06:00", "00:12:00", "00:18:00", "00:24:00"
    ]  # fmt: skip
    (curve,) = [one for one in drawing.shapes if isinstance(one, Line) and "run-1" in one.color]
    left, middle, right = (x for x, _ in curve.points)
    assert (middle - left) / (right - left) == pytest.approx(1 / 3, abs=1e-4)
