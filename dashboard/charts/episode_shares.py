"""How the episodes of several runs are spread: the share of them up to each loss or accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from experiments.shapes import FloatArray

MOST_POINTS = 600  # of a line; more episodes are thinned out evenly


@dataclass(frozen=True, eq=False)
class EpisodeValues:
    """The finite values of a run's episodes, and how the run looks."""

    values: FloatArray
    name: str
    slot: int
    dash: str = "solid"


def episode_shares(runs: Sequence[EpisodeValues], *, metric: str) -> go.Figure:
    """One rising line a run (its empirical distribution): further left is better for a loss."""
    together = np.concatenate([run.values for run in runs]) if runs else np.array([])
    x: dict[str, Any] = {"title": f"query {metric} of an episode, at most", "showspikes": False}
    if metric == "accuracy":
        x["tickformat"] = "~%"
    elif log_scale.is_logarithmic(together):
        x["type"] = "log"
    return theme.figure(
        [_line(run, metric) for run in runs],
        x=x,
        y={"title": "share of episodes", "tickformat": "~%", "range": [0, 1.02]},
        hovermode="closest",
    )


def _line(run: EpisodeValues, metric: str) -> go.Scatter:
    ordered = np.sort(run.values)
    count = len(ordered)
    places = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(np.int64))
    at_most = "%{x:.2%}" if metric == "accuracy" else "%{x:.4~g}"
    return theme.line(
        ordered[places],
        (places + 1) / count,
        color=theme.run_color(run.slot),
        name=run.name,
        dash=run.dash,
        line_shape="hv",
        customdata=[f"N = {count}"] * len(places),
        hover=f"<b>%{{y:.1%}}</b> of N={count} episodes at most {at_most}",
    )
