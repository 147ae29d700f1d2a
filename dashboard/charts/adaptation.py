"""Adaptation: query loss or accuracy against the inner step, with its interval over episodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.measured import measured
from experiments.shapes import AdaptationCurve

INNER_STEP_TITLE = "inner step"


@dataclass(frozen=True, eq=False)
class AdaptationLine:
    """One evaluation and how it looks; `slot` is the run's colour."""

    curve: AdaptationCurve
    name: str
    slot: int
    dash: str = "solid"


def adaptation_figure(lines: Sequence[AdaptationLine]) -> go.Figure:
    """Mean with its 95 % interval; a ring marks the number of inner steps used in training."""
    traces: list[Any] = []
    for one in lines:
        traces += _traces(one)
    is_accuracy = any(one.curve.metric == "accuracy" for one in lines)
    return theme.figure(
        traces,
        x={"title": _title(lines), "dtick": _tick(lines)},
        y={"tickformat": "~%"} if is_accuracy else {},
    )


def _tick(lines: Sequence[AdaptationLine]) -> int:
    longest = max((int(line.curve.inner_steps[-1]) for line in lines), default=1)
    return max(1, longest // 10)


def _title(lines: Sequence[AdaptationLine]) -> str:
    trained = {line.curve.trained_inner_steps for line in lines} - {None}
    if len(trained) == 1 and (steps := trained.pop()):
        return f"{INNER_STEP_TITLE} (trained with {steps})"
    return INNER_STEP_TITLE


def _traces(one: AdaptationLine) -> list[Any]:
    curve, color = one.curve, theme.run_color(one.slot)
    low, high = curve.mean - curve.half_width, curve.mean + curve.half_width
    values: dict[str, Any] = {
        "customdata": [
            [str(measured(mean, half_width, curve.metric)), count]
            for mean, half_width, count in zip(
                curve.mean.tolist(), curve.half_width.tolist(), curve.counts.tolist(), strict=True
            )
        ],
        "hover": "<b>%{customdata[0]}</b> (95 %) N=%{customdata[1]}",
    }
    traces: list[Any] = [
        *theme.band(curve.inner_steps, low, high, slot=one.slot),
        theme.line(
            curve.inner_steps,
            curve.mean,
            color=color,
            name=one.name,
            dash=one.dash,
            mode="lines+markers",
            marker={"size": 5, "color": color},
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
