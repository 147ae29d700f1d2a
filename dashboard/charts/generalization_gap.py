"""The gap to the training split over meta-training: validation and test less train, as lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.measured import measured
from experiments.shapes import Gap


@dataclass(frozen=True, eq=False)
class GapLine:
    """One gap and how it looks; `slot` is the run's colour."""

    gap: Gap
    name: str
    slot: int
    dash: str = "solid"


def gap_figure(lines: Sequence[GapLine]) -> go.Figure:
    """Each gap with its 95 % interval as a band; a gap at one meta-step is a point."""
    traces: list[Any] = []
    for line in lines:
        traces += _traces(line)
    is_accuracy = any(line.gap.metric == "accuracy" for line in lines)
    zero = {"zeroline": True, "zerolinecolor": theme.token("chart-axis")}
    return theme.figure(
        traces,
        x={"title": "meta-step"},
        y={**zero, "tickformat": "+~%" if is_accuracy else "+~g"},
    )


def _traces(line: GapLine) -> list[Any]:
    gap, color = line.gap, theme.run_color(line.slot)
    is_point = len(gap.steps) == 1
    known = np.nan_to_num(gap.half_width)
    mark: dict[str, Any] = {"size": 9 if is_point else 5, "color": color}
    if is_point:
        mark["symbol"] = "diamond"
    drawn = theme.line(
        gap.steps,
        gap.gap,
        color=color,
        name=line.name,
        dash=line.dash,
        mode="markers" if is_point else "lines+markers",
        marker=mark,
        customdata=gap_texts(gap),
        hover="<b>%{customdata[0]}</b> (95 %) N=%{customdata[1]} and %{customdata[2]} episodes",
        **_error_bar(gap, color) if is_point else {},
    )
    if is_point:
        return [drawn]
    band = theme.band(gap.steps, gap.gap - known, gap.gap + known, slot=line.slot)
    return [*band, drawn]


def gap_texts(gap: Gap) -> list[list[Any]]:
    """The gap with its half width, N of the held-out and of the training split."""
    return [
        [str(measured(value, half, gap.metric)), *counts]
        for value, half, counts in zip(
            gap.gap.tolist(), gap.half_width.tolist(), gap.counts.tolist(), strict=True
        )
    ]


def _error_bar(gap: Gap, color: str) -> dict[str, Any]:
    return {
        "error_y": {
            "type": "data",
            "array": theme.listed(np.nan_to_num(gap.half_width)),
            "color": color,
            "thickness": 1.5,
            "width": 4,
        }
    }
