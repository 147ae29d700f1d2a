"""Adaptation curves at one meta-step: of one run amid its first and last, or of several runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from dashboard.measured import measured
from experiments.shapes import OverTraining


@dataclass(frozen=True, eq=False)
class RunAt:
    """A run's evaluation at `place` of its meta-training, and how the run looks."""

    found: OverTraining
    place: int
    name: str
    slot: int
    dash: str = "solid"

    @property
    def step(self) -> int:
        """The meta-step of that evaluation."""
        return int(self.found.steps[self.place])


def adaptation_at(found: OverTraining, place: int, *, slot: int) -> go.Figure:
    """Mean by inner step of the evaluation at `place`, with its 95 % interval. The range is that of
    all meta-steps, so that the curve moves and the axis does not."""
    traces: list[Any] = [
        _faint(found, other, name)
        for other, name in ((0, "first"), (len(found.steps) - 1, "last"))
        if other != place
    ]
    traces += _traces(RunAt(found, place, f"meta-step {found.steps[place]:,}", slot))
    return _figure(traces, [found])


def adaptations_at(runs: Sequence[RunAt]) -> go.Figure:
    """One curve a run with its 95 % interval, on the range of all their meta-steps."""
    traces = [trace for run in runs for trace in _traces(run)]
    return _figure(traces, [run.found for run in runs])


def place_at(found: OverTraining, step: int) -> int:
    """The last evaluation at or before a meta-step, else the first."""
    return max(0, int(np.searchsorted(found.steps, step, side="right")) - 1)


def _traces(run: RunAt) -> list[Any]:
    found, place = run.found, run.place
    steps = np.arange(found.mean.shape[1])
    mean, half = found.mean[place], np.nan_to_num(found.half_width[place])
    color = theme.run_color(run.slot)
    drawn = theme.line(
        steps,
        mean,
        color=color,
        name=run.name,
        dash=run.dash,
        mode="lines+markers",
        marker={"size": 6, "color": color},
        customdata=[
            [
                str(measured(mean[step], found.half_width[place, step], found.metric)),
                int(found.counts[place, step]),
            ]
            for step in steps
        ],
        hover="<b>%{customdata[0]}</b> (95 %) N=%{customdata[1]}",
    )
    return [*theme.band(steps, mean - half, mean + half, slot=run.slot), drawn]


def _faint(found: OverTraining, place: int, name: str) -> go.Scatter:
    return theme.line(
        np.arange(found.mean.shape[1]),
        found.mean[place],
        color=theme.token("text-3"),
        name=f"{name}, at {found.steps[place]:,}",
        width=1,
        dash="2px,2px",
    )


def _figure(traces: list[Any], all_found: Sequence[OverTraining]) -> go.Figure:
    longest = max(found.mean.shape[1] for found in all_found)
    return theme.figure(
        traces,
        x={"title": "inner step", "dtick": max(1, longest // 10)},
        y=_y(all_found),
    )


def _y(all_found: Sequence[OverTraining]) -> dict[str, Any]:
    if any(found.metric == "accuracy" for found in all_found):
        return {"tickformat": "~%", "range": [0, 1]}
    values = np.concatenate([log_scale.finite(found.mean) for found in all_found])
    if not len(values):
        return {}
    low, high = float(values.min()), float(values.max())
    if log_scale.is_logarithmic(values):
        room = 0.05 * (np.log10(high) - np.log10(low))
        return {"type": "log", "range": [np.log10(low) - room, np.log10(high) + room]}
    room = 0.05 * (high - low) or 1.0
    return {"range": [low - room, high + room]}
