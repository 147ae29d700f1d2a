"""Curves of several runs as one line with a band: what they have in common, and how they spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from experiments.shapes import FloatArray, IntArray

BandMethod = Literal["minmax", "sd", "t", "bootstrap"]
METHODS: dict[BandMethod, str] = {
    "minmax": "lowest to highest run",
    "sd": "one standard deviation over runs each way",
    "t": "95 % t interval of the mean over runs",
    "bootstrap": "95 % bootstrap interval of the mean over runs",
}
LEAST_RUNS = 2
RESAMPLES = 2_000
CONFIDENCE = 0.95
Line = tuple[FloatArray | IntArray, FloatArray]  # places along x, and the values there


@dataclass(frozen=True, eq=False)
class Band:
    """`counts` says of how many runs the mean at each place is; below two there is no band: low
    and high are NaN. `interpolated`: values between a run's own points are on the straight line."""

    x: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    counts: IntArray
    interpolated: bool


def band(lines: Sequence[Line], method: BandMethod, *, width: int) -> Band:
    """The mean of the lines at up to `width` places, with a band by `method`.

    A line takes part from its first to its last point, and nowhere beside a value that is not
    finite. Places are those of points, so that lines that share theirs are not interpolated:
    between points a line's noise is averaged, and the band would be too narrow.
    """
    ordered = [_ascending(x, y) for x, y in lines if len(x)]
    x = _places([own for own, _ in ordered], width)
    values = np.array([np.interp(x, *line, left=np.nan, right=np.nan) for line in ordered])
    values = values.reshape(len(ordered), len(x))
    interpolated = any(not _has_all_within(own, x) for own, _ in ordered)
    there = np.isfinite(values)
    counts = there.sum(axis=0)
    filled = np.where(there, values, 0.0)
    mean = _ratio(filled.sum(axis=0), counts)
    low, high = np.full(len(x), np.nan), np.full(len(x), np.nan)
    banded = counts >= LEAST_RUNS
    if banded.any():
        low[banded], high[banded] = _ends(method, filled[:, banded], there[:, banded])
    return Band(x, mean, low, high, counts, interpolated)


def _places(of_lines: Sequence[FloatArray], width: int) -> FloatArray:
    """Where any line has a point. Of more than `width` such places the first, the last, and one of
    each of so many equal stretches: where most lines have one."""
    every = np.concatenate([np.asarray(one, np.float64) for one in of_lines] or [np.empty(0)])
    places, lines = np.unique(every, return_counts=True)
    if len(places) <= width:
        return places
    stretches = max(1, width - 2)
    parts = (places - places[0]) / (places[-1] - places[0])
    stretch = np.minimum((parts * stretches).astype(np.int64), stretches - 1)
    best_first = np.lexsort((places, -lines, stretch))
    _, first = np.unique(stretch[best_first], return_index=True)
    return np.unique(np.concatenate([places[[0, -1]], places[best_first[first]]]))


def _has_all_within(own: FloatArray, x: FloatArray) -> bool:
    """Whether a line has a point at each of the places that it spans."""
    return bool(np.isin(x[(x >= own[0]) & (x <= own[-1])], own).all())


def _ascending(x: FloatArray | IntArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """By place; of points at one place the last."""
    order = np.argsort(x, kind="stable")
    places = np.asarray(x, np.float64)[order]
    last = np.append(places[1:] != places[:-1], True) if len(places) else np.empty(0, bool)
    values = np.where(np.isfinite(y), y, np.nan)[order]
    return places[last], values[last]


def _ends(
    method: BandMethod, filled: FloatArray, there: npt.NDArray[Any]
) -> tuple[FloatArray, FloatArray]:
    """The band where at least two lines are."""
    if method == "minmax":
        low = np.where(there, filled, np.inf).min(axis=0)
        return low, np.where(there, filled, -np.inf).max(axis=0)
    if method == "bootstrap":
        return _bootstrap(filled, there)
    counts = there.sum(axis=0)
    mean = filled.sum(axis=0) / counts
    half = np.sqrt(np.where(there, (filled - mean) ** 2, 0.0).sum(axis=0) / (counts - 1))
    if method == "t":
        half = half * stdtrit(counts - 1, (1 + CONFIDENCE) / 2) / np.sqrt(counts)
    return mean - half, mean + half


def _bootstrap(filled: FloatArray, there: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Percentiles of the mean of as many runs, drawn with replacement; the same draw at every
    place and every time, so that bands are smooth and do not flicker."""
    runs = len(filled)
    drawn = np.random.default_rng(0).multinomial(runs, np.full(runs, 1 / runs), RESAMPLES)
    weights = drawn.astype(np.float64)
    means = _ratio(weights @ filled, weights @ there.astype(np.float64))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(means, [tail, 100 - tail], axis=0)
    return low, high


def _ratio(above: FloatArray, below: npt.NDArray[Any]) -> FloatArray:
    """NaN where nothing is below."""
    ratio: FloatArray = np.divide(
        above, below, out=np.full(np.shape(above), np.nan), where=below > 0
    )
    return ratio
