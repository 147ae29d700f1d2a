"""The differences behind a verdict, episode by episode, as a histogram."""

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from experiments.comparing.statistics import PairedDifference
from experiments.shapes import FloatArray

MOST_BINS = 60
LEAST_BINS = 8


def paired_difference_figure(paired: PairedDifference, *, slot: int, unit: str) -> go.Figure:
    """How many episodes differ by how much between two runs; accuracies are in points."""
    return difference_figure(
        paired.differences,
        paired.mean,
        (paired.interval.low, paired.interval.high),
        scale=100.0 if paired.metric == "accuracy" else 1.0,
        slot=slot,
        unit=unit,
    )


def difference_figure(
    differences: FloatArray,
    mean: float | None,
    bounds: tuple[float | None, float | None],
    *,
    scale: float,
    slot: int,
    unit: str,
) -> go.Figure:
    """How many episodes differ by how much; the mean as a line, its interval as a band.

    Shown are the numbers times `scale`. `unit` titles the axis: "B − A, query loss per episode".
    """
    values = differences * scale
    counts, edges = np.histogram(values, bins=_bins(values))
    bars = go.Bar(
        x=theme.listed((edges[:-1] + edges[1:]) / 2),
        y=theme.listed(counts),
        width=theme.listed(np.diff(edges)),
        name="episodes",
        marker={
            "color": theme.run_color(slot),
            "line": {"width": 1, "color": theme.token("surface")},
        },
        hovertemplate="%{y} episodes near %{x:.3~g}<extra></extra>",
    )
    return theme.figure(
        [bars],
        x={"title": unit, "zeroline": True, "zerolinecolor": theme.token("chart-axis")},
        y={"title": "episodes", "rangemode": "tozero"},
        hovermode="closest",
        bargap=0,
        shapes=_marks(mean, bounds, scale),
    )


def _bins(values: np.ndarray) -> int:
    """Freedman and Diaconis's number, within reason; accuracies take few values."""
    if np.ptp(values) == 0:
        return 1
    found = len(np.histogram_bin_edges(values, bins="fd")) - 1 if len(values) > 3 else LEAST_BINS
    return int(np.clip(found, LEAST_BINS, MOST_BINS))


def _marks(
    mean: float | None, bounds: tuple[float | None, float | None], scale: float
) -> list[dict[str, object]]:
    tall = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1}
    marks: list[dict[str, object]] = []
    low, high = bounds
    if low is not None and high is not None:
        band = {"x0": low * scale, "x1": high * scale}
        fill = {"fillcolor": theme.token("text"), "opacity": 0.16, "line": {"width": 0}}
        marks.append({"type": "rect", **tall, **band, **fill})
    if mean is not None:
        at = mean * scale
        line = {"color": theme.token("text"), "width": 1.5}
        marks.append({"type": "line", **tall, "x0": at, "x1": at, "line": line})
    return marks
