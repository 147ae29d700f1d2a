"""Adaptation curves at one meta-step: of one run amid its first and last, or of several runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from dashboard.measured import measured
from experiments.axes import common_axis
from experiments.shapes import FloatArray, OverTraining

_FLOOR = 0.5  # of the lowest mean


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
    run = RunAt(found, place, f"meta-step {found.steps[place]:,}", slot)
    traces += _traces(run, _floor([found]))
    return _figure(traces, [found])


def adaptations_at(runs: Sequence[RunAt]) -> go.Figure:
    """One curve a run with its 95 % interval, on the range of all their meta-steps."""
    all_found = [run.found for run in runs]
    floor = _floor(all_found)
    return _figure([trace for run in runs for trace in _traces(run, floor)], all_found)


def place_at(found: OverTraining, step: int) -> int:
    """The last evaluation at or before a meta-step, else the first."""
    return max(0, int(np.searchsorted(found.steps, step, side="right")) - 1)


def _traces(run: RunAt, floor: float | None) -> list[Any]:
    """`floor`: what a band ends at where it would reach below a logarithmic axis."""
    found, place = run.found, run.place
    steps = np.arange(found.mean.shape[1])
    mean, half = found.mean[place], _half(found)[place]
    low = mean - half if floor is None else np.maximum(mean - half, floor)
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
    return [*theme.band(steps, low, mean + half, slot=run.slot), drawn]


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
        x={
            "title": common_axis(one.axis for one in all_found).title,
            "dtick": max(1, longest // 10),
        },
        y=_y(all_found),
    )


def _y(all_found: Sequence[OverTraining]) -> dict[str, Any]:
    if any(found.metric == "accuracy" for found in all_found):
        return {"tickformat": "~%", "range": [0, 1]}
    low, high = (
        np.concatenate([log_scale.finite(found.mean + side * _half(found)) for found in all_found])
        for side in (-1, 1)
    )
    if not len(low):
        return {}
    floor = _floor(all_found)
    least, most = float(low.min()), float(high.max())
    if floor is not None:
        return {"type": "log", **_with_room(np.log10(max(least, floor)), np.log10(most))}
    return _with_room(least, most)


def _with_room(low: float, high: float) -> dict[str, Any]:
    room = 0.05 * (high - low) or 1.0
    return {"range": [float(low - room), float(high + room)]}


def _floor(all_found: Sequence[OverTraining]) -> float | None:
    """Where a logarithmic axis ends at the latest; None for a linear one."""
    means = np.concatenate([log_scale.finite(found.mean) for found in all_found])
    is_accuracy = any(found.metric == "accuracy" for found in all_found)
    is_log = not is_accuracy and log_scale.is_logarithmic(means)
    return _FLOOR * float(means.min()) if is_log else None


def _half(found: OverTraining) -> FloatArray:
    """Half the width of each interval, 0 where there is none."""
    return np.nan_to_num(found.half_width)
