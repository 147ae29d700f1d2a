"""Learning curves: series against step or time, smoothed on request, bad values marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from experiments.shapes import Axis, SeriesView

X_TITLES: dict[Axis, str] = {
    "step": "",
    "relative": "minutes since its first point",
    "time": "time (UTC)",
}
# Of the token --chart-raw: the unsmoothed line behind a smoothed one.
RAW = "--chart-raw"
BAD_LABELS = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}


@dataclass(frozen=True, eq=False)
class Curve:
    """One series and how it looks. `color` is a token, without "var()": "run-3", "seq-4"."""

    view: SeriesView
    name: str
    color: str
    dash: str = "solid"


def learning_curves(curves: Sequence[Curve], *, x: Axis = "step") -> go.Figure:
    """All curves in one figure. Reduced series show the range of each bucket as a band; behind a
    smoothed line the raw one stays faint."""
    # Without a number there is no height to draw to: the crosses stand amid the chart.
    has_values = any(np.isfinite(curve.view.last).any() for curve in curves)
    traces: list[Any] = []
    for curve in curves:
        traces += _traces(curve, x, marks_only=not has_values)
    has_marks = any(len(curve.view.bad_steps) for curve in curves)
    across: dict[str, Any] = {"title": X_TITLES[x]}
    if x == "time":
        across["type"] = "date"
    firsts = [c.view.first_step for c in curves if c.view.first_step is not None]
    if x == "step" and firsts:
        # A bucket is drawn at its last step; the axis begins where the points do.
        across["autorangeoptions"] = {"include": min(firsts)}
    if x == "step" and (only := _only_step([curve.view for curve in curves])) is not None:
        # Plotly draws one step on an axis 2 wide: of whole steps, and none before the first.
        across |= {"dtick": 1, "tickformat": ",d"}
        across |= {"rangemode": "nonnegative"} if only >= 0 else {}
    # Plotly would centre a constant on an axis 2 wide, where 0.001 looks like 0.
    is_constant = _is_constant([curve.view for curve in curves])
    down: dict[str, Any] = {"rangemode": "tozero"} if is_constant else {}
    return theme.figure(
        traces,
        x=across,
        y=down if has_values else {"showticklabels": False, "showgrid": False},
        marks_floor=has_marks,
        uirevision=x,  # a zoom belongs to its axis: minutes are not steps
    )


def _only_step(views: Sequence[SeriesView]) -> int | None:
    """The step that every point has; None where they have several, or there is none."""
    steps = {int(step) for view in views for step in (*view.x[:2], *view.bad_steps[:2])}
    return steps.pop() if len(steps) == 1 else None


def _is_constant(views: Sequence[SeriesView]) -> bool:
    """Whether all that is drawn is one value."""
    values = {value for view in views for value in (*view.low.tolist(), *view.high.tolist())}
    return len(values) == 1


def drawn_note(views: Sequence[SeriesView]) -> str:
    """What the reader does not see at first: "60,000 logged points drawn as 1,000"."""
    reduced = [view for view in views if not view.exact]
    parts = []
    if reduced:
        points = sum(view.points for view in reduced)
        drawn = sum(len(view.x) for view in reduced)
        parts.append(f"{points:,} logged points drawn as {drawn:,}, extremes kept")
    bad = sum(view.bad_count for view in views)
    if bad:
        parts.append(f"{bad:,} not finite, first marked")
    return "; ".join(parts)


def _traces(curve: Curve, x: Axis, *, marks_only: bool) -> list[Any]:
    view = curve.view
    across = _across(view, x)
    color = theme.token(curve.color)
    traces: list[Any] = []
    if not view.exact:
        traces += _range(across, view, curve.color)
    y = np.where(view.counts == 1, view.last, view.mean)
    # One point is no line: show where it is.
    mode: dict[str, Any] = {}
    if len(across) == 1:
        mode = {"mode": "markers", "marker": {"color": color, "size": 7}, "cliponaxis": False}
    if view.smoothed is not None:
        faint = theme.token(curve.color, RAW)
        traces.append(theme.line(across, y, color=faint, width=1, hover=None))
        y = view.smoothed
    traces.append(theme.line(across, y, color=color, name=curve.name, dash=curve.dash, **mode))
    if len(view.bad_steps):
        where = _across_step(view, int(view.bad_steps[0]), x)
        kind = view.bad_kinds[0]
        text = f"{curve.name}: {kind} at step {int(view.bad_steps[0]):,}"
        amid: dict[str, Any] = {"height": 0.5, "label": BAD_LABELS[kind]} if marks_only else {}
        traces.append(theme.bad_mark(where, text, **amid))
    return traces


def _range(across: Any, view: SeriesView, color: str) -> list[go.Scatter]:
    """Lowest to highest value of each bucket."""
    edge: dict[str, Any] = {
        "x": theme.listed(across),
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    fill = {"fill": "tonexty", "fillcolor": theme.token(color, "--chart-band")}
    low, high = theme.listed(view.low), theme.listed(view.high)
    return [go.Scatter(y=low, **edge), go.Scatter(y=high, **edge, **fill)]


def _across(view: SeriesView, x: Axis) -> Any:
    if x == "step":
        return view.x
    if x == "time":
        return np.asarray(view.times * 1000).astype("datetime64[ms]").astype(str)
    return (view.times - view.origin) / 60


def _across_step(view: SeriesView, step: int, x: Axis) -> Any:
    if x == "step":
        return step
    place = min(int(np.searchsorted(view.x, step)), len(view.x) - 1)
    return theme.listed(_across(view, x))[place]
