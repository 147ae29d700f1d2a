"""A against B, episode by episode: the same episodes across and upwards, and the diagonal."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from dashboard.charts.texts import templated
from experiments.shapes import FloatArray, IntArray

MIDDLE = 6.0  # size of a point that is one episode
MOST_SIZE = 22.0


@dataclass(frozen=True, eq=False)
class EpisodePairs:
    """The common episodes of two runs with both values; `names` are of A and of B."""

    metric: str
    ids: tuple[str, ...]
    a: FloatArray
    b: FloatArray
    names: tuple[str, str]
    slots: tuple[int, int]


def episode_scatter(pairs: EpisodePairs) -> go.Figure:
    """Points in the colour of the run that is better there; those in one place are one, larger.

    The first of `customdata` is the id of an episode to open.
    """
    values = np.concatenate([pairs.a, pairs.b])
    is_log = pairs.metric != "accuracy" and log_scale.is_logarithmic(values)
    low, high = float(values.min()), float(values.max())
    axis: dict[str, Any] = {"type": "log"} if is_log else {}
    if pairs.metric == "accuracy":
        axis["tickformat"] = "~%"
    diagonal = theme.line(
        [low, high], [low, high], color=theme.token("chart-axis"), width=1, hover=None
    )
    return theme.figure(
        [diagonal, *_points(pairs)],
        x={**axis, "title": f"{pairs.names[0]}, query {pairs.metric}", "showspikes": False},
        y={**axis, "title": f"{pairs.names[1]}, query {pairs.metric}"},
        hovermode="closest",
    )


def _points(pairs: EpisodePairs) -> list[go.Scatter]:
    sign = -1 if pairs.metric == "loss" else 1
    better_b = sign * (pairs.b - pairs.a)
    a, b = map(templated, pairs.names)
    looks = (
        (f"{b} better", theme.run_color(pairs.slots[1]), better_b > 0),
        (f"{a} better", theme.run_color(pairs.slots[0]), better_b < 0),
        ("alike", theme.token("text-3"), better_b == 0),
    )
    return [
        _trace(pairs, np.flatnonzero(chosen), name, color)
        for name, color, chosen in looks
        if chosen.any()
    ]


def _trace(pairs: EpisodePairs, places: IntArray, name: str, color: str) -> go.Scatter:
    both = np.column_stack([pairs.a[places], pairs.b[places]])
    points, first, counts = np.unique(both, axis=0, return_index=True, return_counts=True)
    size = np.minimum(MIDDLE * np.sqrt(counts), MOST_SIZE)
    ids = [pairs.ids[places[place]] for place in first]
    texts = [
        episode if count == 1 else f"{count} episodes, such as {episode}"
        for episode, count in zip(ids, counts.tolist(), strict=True)
    ]
    a, b = map(templated, pairs.names)
    shown = ":.2%" if pairs.metric == "accuracy" else ":.4~g"
    return go.Scatter(
        x=theme.listed(points[:, 0]),
        y=theme.listed(points[:, 1]),
        mode="markers",
        name=name,
        marker={"size": theme.listed(size), "color": color, "opacity": 0.6},
        customdata=[list(pair) for pair in zip(ids, texts, strict=True)],
        hovertemplate=f"<b>%{{customdata[1]}}</b><br>{a} %{{x{shown}}}<br>"
        f"{b} %{{y{shown}}}<extra>{name}</extra>",
    )
