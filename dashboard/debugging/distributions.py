"""How gradients, weights and other values are spread, step by step, from a run's histograms."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.metric_names import natural
from experiments import blobs, files
from experiments.models import ManifestFile, Run
from experiments.shapes import FloatArray, IntArray

FOLDER = "media/histogram"
SUFFIX = ".histogram.json"
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


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of finite values between edges, as the client's `log_histogram` stores them."""

    edges: FloatArray  # (B + 1,)
    counts: FloatArray  # (B,)
    nonfinite: int


def histogram_keys(run: Run) -> list[str]:
    """The keys under which histograms were logged, in the order of people."""
    paths = files.below(run.files, FOLDER).filter(path__endswith=SUFFIX)
    found = {_place(path)[0] for path in paths.values_list("path", flat=True)}
    return sorted(found, key=natural)


def distributions(run: Run, key: str) -> Distributions | None:
    """All histograms of a key on the same bins; None where there is none that can be read."""
    rows = files.below(run.files, f"{FOLDER}/{key}").filter(path__endswith=SUFFIX)
    places = {_place(row.path)[1]: row for row in rows if _place(row.path)[0] == key}
    steps = sorted(step for step in places if step is not None)
    kept = _thinned(steps)
    found = {step: one for step in kept if (one := _read(places[step])) is not None}
    if not found:
        return None
    edges = _common(list(found.values()))
    return Distributions(
        steps=np.array(list(found), dtype=np.int64),
        edges=edges,
        shares=np.array([_shares(one, edges) for one in found.values()]),
        counts=np.array([int(one.counts.sum()) for one in found.values()]),
        nonfinite=np.array([one.nonfinite for one in found.values()]),
        left_out=len(steps) - len(kept),
    )


def _place(path: str) -> tuple[str, int | None]:
    """Key and step of "media/histogram/weights/a/000000000012.histogram.json", for example."""
    key, _, name = path.removeprefix(f"{FOLDER}/").rpartition("/")
    step = name.removesuffix(SUFFIX)
    return key, int(step) if step.lstrip("-").isdecimal() and len(step) < 20 else None


def _thinned(steps: Sequence[int]) -> list[int]:
    places = np.linspace(0, len(steps) - 1, min(len(steps), MOST_STEPS)).astype(np.int64)
    return [steps[place] for place in np.unique(places).tolist()]


def _read(file: ManifestFile) -> Histogram | None:
    """A stored histogram; None for a file that only has the name of one: anybody uploads files."""
    if file.blob is None or file.blob.size > LARGEST:
        return None
    try:
        content = json.loads(blobs.read(file.blob.sha256))
        edges = np.asarray(content["edges"], dtype=np.float64)
        counts = np.asarray(content["counts"], dtype=np.float64)
        nonfinite = int(content.get("nonfinite", 0))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    sound = edges.ndim == counts.ndim == 1 and len(edges) == len(counts) + 1 > 1
    if not sound or not np.isfinite(edges).all() or not np.isfinite(counts).all():
        return None
    if (np.diff(edges) < 0).any() or (counts < 0).any():
        return None
    return Histogram(edges, counts, nonfinite)


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
    total = one.counts.sum()
    if not total:
        return np.zeros(len(edges) - 1)
    if one.edges[0] == one.edges[-1]:  # all values are one
        counted, _ = np.histogram([one.edges[0]], bins=edges)
        return counted.astype(np.float64)
    below = np.concatenate([[0.0], np.cumsum(one.counts)]) / total
    return np.diff(np.interp(edges, one.edges, below))
