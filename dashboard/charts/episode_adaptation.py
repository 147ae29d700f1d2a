"""One episode amid all: its loss or accuracy by inner step, with the quantiles of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from experiments.axes import INNER_STEPS, EpisodeAxis
from experiments.shapes import FloatArray

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class EpisodeLine:
    """One run's episode: `values` (S + 1,) of it, `others` (N, S + 1) of all its episodes."""

    values: FloatArray
    others: FloatArray
    name: str
    slot: int
    dash: str = "solid"


def episode_adaptation(
    lines: Sequence[EpisodeLine], *, metric: str, axis: EpisodeAxis = INNER_STEPS
) -> go.Figure:
    """The episodes as lines. Behind the first, the middle half and nine tenths of all episodes of
    its run as bands, their median as a thin line."""
    traces: list[Any] = [*_behind(lines[0]), *(_line(one, metric) for one in lines)]
    shown = np.concatenate([log_scale.finite(one.values) for one in lines])
    y: dict[str, Any] = {"tickformat": "~%"} if metric == "accuracy" else {}
    if metric != "accuracy" and log_scale.is_logarithmic(shown):
        y["type"] = "log"
    steps = max(len(one.values) for one in lines) - 1
    return theme.figure(traces, x={"title": axis.title, "dtick": max(1, steps // 10)}, y=y)


def quantiles(others: FloatArray) -> FloatArray:
    """`QUANTILES` of each inner step over the finite values: (5, S + 1)."""
    known = np.where(np.isfinite(others), others, np.nan)
    empty = ~np.isfinite(known).any(axis=0)
    filled = np.where(empty, 0.0, known)
    found = np.nanquantile(filled, QUANTILES, axis=0)
    return np.asarray(np.where(empty, np.nan, found))


def _behind(line: EpisodeLine) -> list[Any]:
    low, quarter, median, three, high = quantiles(line.others)
    steps = np.arange(line.others.shape[1])
    count = len(line.others)
    return [
        *theme.band(steps, low, high, slot=line.slot),
        *theme.band(steps, quarter, three, slot=line.slot),
        theme.line(
            steps,
            median,
            color=theme.token("text-3"),
            name=f"median of N={count}",
            width=1,
            dash="2px,2px",
        ),
    ]


def _line(line: EpisodeLine, metric: str) -> go.Scatter:
    color = theme.run_color(line.slot)
    return theme.line(
        np.arange(len(line.values)),
        line.values,
        color=color,
        name=line.name,
        dash=line.dash,
        mode="lines+markers",
        marker={"size": 6, "color": color},
        hover="<b>%{y:.2%}</b>" if metric == "accuracy" else "<b>%{y:.4~g}</b>",
    )
