"""How gradients, weights and other values are spread, step by step, from a run's histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dashboard.media.content import Histogram, histogram
from dashboard.media.stored import parsed
from dashboard.metric_names import natural
from experiments import reading
from experiments.models import Run
from experiments.reading.media import MediaFile
from experiments.shapes import FloatArray, IntArray

MOST_STEPS = 100  # more are thinned out evenly, the first and the last kept
BINS = 64
LARGEST = 64 * 1024  # bytes of a histogram; the client's have 512 bins at most


@dataclass(frozen=True, eq=False)
class Distributions:
    """Shares of the finite values by bin and step; a step's shares add up to 1."""

    steps: IntArray  # (M,)
    edges: FloatArray  # (BINS + 1,)
    shares: FloatArray  # (M, BINS)
    counts: IntArray  # (M,) finite values
    nonfinite: IntArray  # (M,)
    left_out: int  # steps that are not here

    def quantiles(self) -> FloatArray:
        """Least, quartiles and most of each step, shape (M, 5), as exact as the bins are wide; NaN
        for a step without finite values."""
        return np.array([_quantiles(row, self.edges) for row in self.shares])


def histogram_keys(run: Run) -> list[str]:
    """The keys under which histograms were logged, in the order of people."""
    return sorted({one.key for one in _histograms(run)}, key=natural)


def distributions(run: Run, key: str) -> Distributions | None:
    """All histograms of a key on the same bins; None where there is none that can be read."""
    places = {one.step: one for one in _histograms(run) if one.key == key}
    steps = sorted(places)
    kept = _thinned(steps)
    found = {step: one for step in kept if (one := _read(run, places[step])) is not None}
    if not found:
        return None
    edges = _common(list(found.values()))
    return Distributions(
        steps=np.array(list(found), dtype=np.int64),
        edges=edges,
        shares=np.array([_shares(one, edges) for one in found.values()]),
        counts=np.array([int(sum(one.counts)) for one in found.values()]),
        nonfinite=np.array([one.nonfinite for one in found.values()]),
        left_out=len(steps) - len(kept),
    )


def _histograms(run: Run) -> list[MediaFile]:
    found, _ = reading.media_of([run], "histogram")
    return [one for one in found if one.extension == "histogram.json"]


def _thinned(steps: Sequence[int]) -> list[int]:
    places = np.linspace(0, len(steps) - 1, min(len(steps), MOST_STEPS)).astype(np.int64)
    return [steps[place] for place in np.unique(places).tolist()]


def _read(run: Run, media: MediaFile) -> Histogram | None:
    """None for a file that only has the name of a histogram."""
    found = parsed(run, media, histogram, largest=LARGEST)
    if found is None:
        return None
    is_sound = min(found.counts) >= 0 and all(a <= b for a, b in pairwise(found.edges))
    return found if is_sound else None


def _quantiles(shares: FloatArray, edges: FloatArray) -> FloatArray:
    filled = np.flatnonzero(shares)
    if not len(filled):
        return np.full(5, np.nan)
    below = np.concatenate([[0.0], np.cumsum(shares)])
    first, last = filled[0], filled[-1] + 1
    inside = slice(first, last + 1)
    wanted = np.interp([0.25, 0.5, 0.75], below[inside], edges[inside])
    return np.array([edges[first], *wanted, edges[last]])


def _common(found: Sequence[Histogram]) -> FloatArray:
    low = min(float(one.edges[0]) for one in found)
    high = max(float(one.edges[-1]) for one in found)
    if low == high:
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    return np.linspace(low, high, BINS + 1)


def _shares(one: Histogram, edges: FloatArray) -> FloatArray:
    """The counts on other bins, those of a bin spread evenly over it, as shares."""
    total = sum(one.counts)
    if not total:
        return np.zeros(len(edges) - 1)
    if one.edges[0] == one.edges[-1]:  # all values are one
        counted, _ = np.histogram([one.edges[0]], bins=edges)
        return counted.astype(np.float64)
    below = np.concatenate([[0.0], np.cumsum(one.counts)]) / total
    return np.diff(np.interp(edges, one.edges, below))
