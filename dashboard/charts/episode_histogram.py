"""How the episodes of one evaluation are spread: a histogram of their loss or accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from experiments.axes import INNER_STEPS, EpisodeAxis
from experiments.shapes import FloatArray

MOST_BINS = 50
LEAST_BINS = 10


@dataclass(frozen=True, eq=False)
class Spread:
    """Bins of the finite values, their median and mean; `edges` are in the values' own unit."""

    metric: str
    inner_step: int
    edges: FloatArray  # (B + 1,)
    counts: FloatArray  # (B,)
    mean: float
    half_width: float  # of the 95 % t interval; NaN below two episodes
    median: float
    left_out: int  # not finite
    is_log: bool
    axis: EpisodeAxis = INNER_STEPS

    @property
    def episodes(self) -> int:
        """N: those counted."""
        return int(self.counts.sum())


def spread_of(
    values: FloatArray,
    *,
    metric: str,
    inner_step: int,
    mean: float,
    half_width: float,
    axis: EpisodeAxis = INNER_STEPS,
) -> Spread | None:
    """The values in bins, logarithmic ones where they are far apart; None if none is finite."""
    kept = log_scale.finite(values)
    if not len(kept):
        return None
    is_log = metric != "accuracy" and log_scale.is_logarithmic(kept)
    scaled = np.log10(kept) if is_log else kept
    counts, edges = np.histogram(scaled, bins=_bins(scaled, metric))
    return Spread(
        metric=metric,
        inner_step=inner_step,
        edges=10.0**edges if is_log else edges,
        counts=counts.astype(np.float64),
        mean=mean,
        half_width=half_width,
        median=float(np.median(kept)),
        left_out=len(values) - len(kept),
        is_log=is_log,
        axis=axis,
    )


def _bins(values: FloatArray, metric: str) -> int | FloatArray:
    """Freedman and Diaconis's number, within reason. Accuracies of few query examples take few
    values: a bin for each, centred on it."""
    known = np.unique(values)
    if len(known) == 1:
        return 1
    if metric == "accuracy" and len(known) <= MOST_BINS:
        width = float(np.diff(known).min())
        count = round((known[-1] - known[0]) / width)
        if count <= MOST_BINS:
            return np.asarray(known[0] - width / 2 + width * np.arange(count + 2))
    found = len(np.histogram_bin_edges(values, bins="fd")) - 1
    return int(np.clip(found, LEAST_BINS, MOST_BINS))


def episode_histogram(spread: Spread, *, slot: int) -> go.Figure:
    """Bars; the mean as a line with its interval as a band, the median dashed."""
    edges = np.log10(spread.edges) if spread.is_log else spread.edges
    is_accuracy = spread.metric == "accuracy"
    scored = spread.axis.after(spread.inner_step)
    title = f"{spread.axis.measure(spread.metric)} of an episode {scored}"
    x: dict[str, Any] = {"title": title, "tickformat": "~%"} if is_accuracy else {"title": title}
    if spread.is_log:
        x |= log_scale.tick_options(float(spread.edges[0]), float(spread.edges[-1]))
    bars = go.Bar(
        x=theme.listed((edges[:-1] + edges[1:]) / 2),
        y=theme.listed(spread.counts),
        width=theme.listed(np.diff(edges)),
        name="episodes",
        marker={
            "color": theme.run_color(slot),
            "line": {"width": 1, "color": theme.token("surface")},
        },
        customdata=[list(ends) for ends in bin_texts(spread)],
        hovertemplate="<b>%{y} episodes</b> from %{customdata[0]} to %{customdata[1]}"
        f" of N={spread.episodes}<extra></extra>",
    )
    return theme.figure(
        [bars],
        x=x,
        y={"title": "episodes", "rangemode": "tozero"},
        hovermode="closest",
        bargap=0,
        shapes=_marks(spread),
    )


def bin_texts(spread: Spread) -> list[tuple[str, str]]:
    """Both ends of each bin."""
    scale, unit = (100, " %") if spread.metric == "accuracy" else (1, "")
    texts = [f"{edge * scale:.3g}{unit}" for edge in spread.edges.tolist()]
    return list(zip(texts[:-1], texts[1:], strict=True))


def _marks(spread: Spread) -> list[dict[str, object]]:
    tall = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1}
    marks: list[dict[str, object]] = []
    low, high = (_at(spread, spread.mean + s * spread.half_width) for s in (-1, 1))
    if low is not None and high is not None:
        fill = {"fillcolor": theme.token("text"), "opacity": 0.16, "line": {"width": 0}}
        marks.append({"type": "rect", **tall, **fill, "x0": low, "x1": high})
    for value, dash in ((spread.mean, "solid"), (spread.median, "2px,2px")):
        if (at := _at(spread, value)) is not None:
            line = {"color": theme.token("text"), "width": 1.5, "dash": dash}
            marks.append({"type": "line", **tall, "x0": at, "x1": at, "line": line})
    return marks


def _at(spread: Spread, value: float) -> float | None:
    """Where a value lies on the axis as drawn."""
    if not np.isfinite(value) or (spread.is_log and value <= 0):
        return None
    return float(np.log10(value)) if spread.is_log else value
