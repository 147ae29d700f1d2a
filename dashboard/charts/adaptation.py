"""Adaptation: query loss or accuracy against the inner step, or against the examples seen, with its
interval over episodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from dashboard.measured import measured
from experiments.axes import common_axis
from experiments.shapes import AdaptationCurve, FloatArray

_FLOOR = 0.5  # of the lowest mean
LONG = 50  # inner steps: from here on points have no marks, and the steps trained with have a line


@dataclass(frozen=True, eq=False)
class AdaptationLine:
    """One evaluation and how it looks; `slot` is the run's colour."""

    curve: AdaptationCurve
    name: str
    slot: int
    dash: str = "solid"


def adaptation_figure(lines: Sequence[AdaptationLine], *, step_title: str = "") -> go.Figure:
    """Mean with its 95 % interval; a ring marks where training went up to. Long curves, of
    optimizers, have logarithms of losses that lie far apart, and an upright line there.
    """
    is_accuracy = any(one.curve.metric == "accuracy" for one in lines)
    is_log = not is_accuracy and _is_log(lines)
    floor = _FLOOR * min(_means(lines)) if is_log else None
    traces = [trace for one in lines for trace in _traces(one, floor)]
    return theme.figure(
        traces,
        x={"title": _title(lines, step_title), "dtick": _tick(lines)},
        y={"tickformat": "~%"} if is_accuracy else {"type": "log"} if is_log else {},
        shapes=_horizons(lines),
    )


def _is_long(line: AdaptationLine) -> bool:
    return int(line.curve.inner_steps[-1]) >= LONG


def _is_log(lines: Sequence[AdaptationLine]) -> bool:
    return any(map(_is_long, lines)) and log_scale.is_logarithmic(_means(lines))


def _means(lines: Sequence[AdaptationLine]) -> FloatArray:
    return log_scale.finite(np.concatenate([line.curve.mean for line in lines]))


def _horizons(lines: Sequence[AdaptationLine]) -> list[dict[str, Any]]:
    """A line at each number of steps trained with that a long curve goes beyond."""
    places = {
        line.curve.trained_inner_steps or 0
        for line in lines
        if _is_long(line) and (line.curve.trained_inner_steps or 0) < len(line.curve.mean) - 1
    } - {0}
    look = {"color": theme.token("accent"), "width": 1.5, "dash": "6px,3px"}
    return [
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": look}
        for x in sorted(places)
    ]


def _tick(lines: Sequence[AdaptationLine]) -> int:
    longest = max((int(line.curve.inner_steps[-1]) for line in lines), default=1)
    return max(1, longest // 10)


def _title(lines: Sequence[AdaptationLine], step_title: str) -> str:
    trained = {line.curve.trained_inner_steps for line in lines} - {None}
    title = step_title or common_axis(line.curve.axis for line in lines).title
    if len(trained) == 1 and (steps := trained.pop()):
        return f"{title} (trained with {steps})"
    return title


def _traces(one: AdaptationLine, floor: float | None) -> list[Any]:
    """`floor`: what a band ends at where it would reach beyond a logarithmic axis."""
    curve, color = one.curve, theme.run_color(one.slot)
    low, high = curve.mean - curve.half_width, curve.mean + curve.half_width
    if floor is not None:
        low = np.maximum(low, floor)
    values: dict[str, Any] = {
        "customdata": [
            [str(measured(mean, half_width, curve.metric)), count]
            for mean, half_width, count in zip(
                curve.mean.tolist(), curve.half_width.tolist(), curve.counts.tolist(), strict=True
            )
        ],
        "hover": "<b>%{customdata[0]}</b> (95 %) N=%{customdata[1]}",
    }
    if not _is_long(one):
        values |= {"mode": "lines+markers", "marker": {"size": 5, "color": color}}
    traces: list[Any] = [
        *theme.band(curve.inner_steps, low, high, slot=one.slot),
        theme.line(
            curve.inner_steps,
            curve.mean,
            color=color,
            name=one.name,
            dash=one.dash,
            **values,
        ),
    ]
    trained = curve.trained_inner_steps
    if trained is not None and 0 < trained < len(curve.mean):
        traces.append(_trained_mark(trained, float(curve.mean[trained]), color))
    return traces


def _trained_mark(step: int, value: float, color: str) -> go.Scatter:
    edge = {"width": 2, "color": theme.token("surface")}
    return go.Scatter(
        x=[step],
        y=[value],
        mode="markers",
        hoverinfo="skip",
        marker={"size": 12, "color": color, "line": edge},
    )
