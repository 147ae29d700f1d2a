"""Curves of groups of runs: their mean, how they spread, and over how many runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.charts import theme
from dashboard.charts.learning_curves import Look, framed
from dashboard.charts.packing import packed
from experiments.comparing.bands import LEAST_RUNS, METHODS, Band, BandMethod

MOST_BANDS = 20


@dataclass(frozen=True, eq=False)
class BandCurve:
    """One group and how it looks, as `Curve`. `runs` is how many take part, `superseded` how many
    do not, as a newer run has their seed."""

    band: Band
    name: str
    color: str
    dash: str
    letter: str
    runs: int
    superseded: int


def run_bands(curves: Sequence[BandCurve], look: Look) -> dict[str, Any]:
    """All groups in one figure; N, and the ends of the band in `spread`, are in the hover of every
    point. Of more than MOST_BANDS groups only the means are drawn."""
    is_many = len(curves) > MOST_BANDS
    traces: list[dict[str, Any]] = []
    for curve in curves:
        if not is_many:
            traces += _range(curve)
        traces.append(_mean(curve, is_many=is_many))
    firsts = [int(curve.band.x[0]) for curve in curves if len(curve.band.x)]
    return framed(
        traces,
        look,
        has_values=any(np.isfinite(curve.band.mean).any() for curve in curves),
        is_many=is_many,
        first_step=min(firsts, default=None),
    )


def bands_note(curves: Sequence[BandCurve], method: BandMethod) -> str:
    """How the bands were made, and where they are not."""
    parts = [f"mean and {METHODS[method]}" if len(curves) <= MOST_BANDS else "means, without bands"]
    lone = sum(curve.runs < LEAST_RUNS for curve in curves)
    if lone and len(curves) <= MOST_BANDS:
        parts.append(f"no band below N = {LEAST_RUNS}")
    superseded = sum(curve.superseded for curve in curves)
    if superseded:
        runs = "run" if superseded == 1 else "runs"
        parts.append(f"{superseded} {runs} of a seed that a newer run has too left out")
    if any(curve.band.interpolated for curve in curves):
        parts.append("between a run's own points on the straight line")
    return "; ".join(parts)


def _mean(curve: BandCurve, *, is_many: bool) -> dict[str, Any]:
    look = theme.line_look(
        color=theme.token(curve.color),
        name=curve.name,
        dash=curve.dash,
        width=theme.LINE_WIDTH_OF_MANY if is_many else theme.LINE_WIDTH,
        hover=f"{theme.HOVER} N = %{{customdata}}",
    )
    if len(curve.band.x) == 1:
        look |= {"mode": "markers", "marker": {"color": theme.token(curve.color), "size": 7}}
    counts = curve.band.counts.tolist()
    trace = {**_points(curve.band.x, curve.band.mean), **look, "customdata": counts,
             "meta": curve.letter}  # fmt: skip
    if not is_many:
        ends = (curve.band.low, curve.band.high)
        trace["spread"] = [packed(end, exact=False) for end in ends]
    return trace


def _range(curve: BandCurve) -> list[dict[str, Any]]:
    """A filled shape for each stretch where there are runs enough."""
    found = np.isfinite(curve.band.low)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], found, [False]]).astype(np.int8)))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    fill = {"fill": "tonexty", "fillcolor": theme.token(curve.color, "--chart-band")}
    traces = []
    for start, end in edges.reshape(-1, 2):
        part = slice(start, end)
        x = curve.band.x[part]
        traces.append({**_points(x, curve.band.low[part]), **edge})
        traces.append({**_points(x, curve.band.high[part]), **edge, **fill})
    return traces


def _points(x: Any, y: Any) -> dict[str, Any]:
    return {"type": "scatter", "x": packed(x), "y": packed(y, exact=False)}
