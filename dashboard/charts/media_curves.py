"""Curves over something else than steps, such as precision against recall, one line a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.texts import plain
from experiments.shapes import FloatArray

MOST_POINTS = 2_000  # of a line; more are thinned out evenly


@dataclass(frozen=True, eq=False)
class MediaCurve:
    """One curve and how its run looks; gaps are NaN."""

    x: FloatArray
    y: FloatArray
    name: str
    slot: int
    dash: str = "solid"


def media_curves(curves: Sequence[MediaCurve], *, x_title: str, y_title: str) -> go.Figure:
    """The points in the order they were logged in, which may turn back."""
    return theme.figure(
        [_line(curve) for curve in curves],
        x={"title": x_title, "showspikes": False},
        y={"title": y_title},
        hovermode="closest",
    )


def _line(curve: MediaCurve) -> go.Scatter:
    last = len(curve.x) - 1
    places = np.unique(np.linspace(0, last, min(last + 1, MOST_POINTS)).astype(np.int64))
    name = plain(curve.name)
    return theme.line(
        curve.x[places],
        curve.y[places],
        color=theme.run_color(curve.slot),
        name=name,
        dash=curve.dash,
        mode="lines" if last else "markers",
        hover="%{x:.4~g}: <b>%{y:.4~g}</b>",
    )
