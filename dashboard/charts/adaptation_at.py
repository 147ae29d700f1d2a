"""The adaptation curve at one meta-step, amid the first and the last of meta-training."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from dashboard.measured import measured
from experiments.shapes import OverTraining


def adaptation_at(found: OverTraining, place: int, *, slot: int) -> go.Figure:
    """Mean by inner step of the evaluation at `place`, with its 95 % interval. The range is that of
    all meta-steps, so that the curve moves and the axis does not."""
    traces: list[Any] = [
        _faint(found, other, name)
        for other, name in ((0, "first"), (len(found.steps) - 1, "last"))
        if other != place
    ]
    steps = np.arange(found.mean.shape[1])
    mean, half = found.mean[place], np.nan_to_num(found.half_width[place])
    traces += theme.band(steps, mean - half, mean + half, slot=slot)
    color = theme.run_color(slot)
    traces.append(
        theme.line(
            steps,
            mean,
            color=color,
            name=f"meta-step {found.steps[place]:,}",
            mode="lines+markers",
            marker={"size": 6, "color": color},
            customdata=[
                [
                    str(measured(mean[step], found.half_width[place, step], found.metric)),
                    int(found.counts[place, step]),
                ]
                for step in steps
            ],
            hover="<b>%{customdata[0]}</b> N=%{customdata[1]}",
        )
    )
    return theme.figure(
        traces,
        x={"title": "inner step", "dtick": max(1, len(steps) // 10)},
        y=_y(found),
    )


def place_at(found: OverTraining, step: int) -> int:
    """The last evaluation at or before a meta-step, else the first."""
    return max(0, int(np.searchsorted(found.steps, step, side="right")) - 1)


def _faint(found: OverTraining, place: int, name: str) -> go.Scatter:
    return theme.line(
        np.arange(found.mean.shape[1]),
        found.mean[place],
        color=theme.token("text-3"),
        name=f"{name}, at {found.steps[place]:,}",
        width=1,
        dash="2px,2px",
    )


def _y(found: OverTraining) -> dict[str, Any]:
    values = log_scale.finite(found.mean)
    if found.metric == "accuracy":
        return {"tickformat": "~%", "range": [0, 1]}
    if not len(values):
        return {}
    low, high = float(values.min()), float(values.max())
    if log_scale.is_logarithmic(values):
        room = 0.05 * (np.log10(high) - np.log10(low))
        return {"type": "log", "range": [np.log10(low) - room, np.log10(high) + room]}
    room = 0.05 * (high - low) or 1.0
    return {"range": [low - room, high + room]}
