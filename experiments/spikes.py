"""Spikes of a series: values far above what its neighbourhood had until then."""

from dataclasses import dataclass

import numpy as np

from experiments.shapes import FloatArray, IntArray

WINDOW = 50  # values before, of which the median and the spread are taken
LEAST = 10  # values before, to know what is usual
FAR = 8.0  # spreads above the median; of normal noise one value in 10^15 is
_OF_NORMAL = 1.4826  # standard deviation of normal noise by its median absolute deviation
_CHUNK = 20_000


@dataclass(frozen=True)
class Spike:
    """One value, the median before it, and how many spreads it lies above."""

    step: int
    time: float  # unix seconds
    value: float
    usual: float
    spreads: float


def spikes(
    steps: IntArray, times: FloatArray, values: FloatArray, *, most: int = 10
) -> list[Spike]:
    """The highest spikes, in the order of their steps. A run of spikes counts once, at its highest.

    A value is one where it lies more than `FAR` spreads above the median of the `WINDOW` finite
    values before it. The spread is that of the median absolute deviation, and at least a hundredth
    of the median, so that a series that hardly moves has no spikes. What is not finite is none.
    """
    kept = np.flatnonzero(np.isfinite(values))
    found = values[kept].astype(np.float64)
    if len(found) <= LEAST:
        return []
    usual, spread = _before(found)
    with np.errstate(invalid="ignore", divide="ignore"):
        far = (found - usual) / spread
    places = _highest_of_runs(np.nan_to_num(far, nan=0.0))
    best = sorted(places, key=lambda place: -far[place])[:most]
    return [
        Spike(
            step=int(steps[kept[place]]),
            time=float(times[kept[place]]),
            value=float(found[place]),
            usual=float(usual[place]),
            spreads=float(far[place]),
        )
        for place in sorted(best)
    ]


def _before(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median and spread of the window before each value; NaN where that is too short."""
    padded = np.concatenate([np.full(WINDOW, np.nan), values])[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    usual, spread = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for start in range(LEAST, len(values), _CHUNK):
        part = windows[start : start + _CHUNK]
        median = np.nanmedian(part, axis=1)
        deviation = np.nanmedian(np.abs(part - median[:, None]), axis=1)
        usual[start : start + _CHUNK] = median
        least = np.maximum(np.abs(median) / 100, np.finfo(np.float64).tiny)
        spread[start : start + _CHUNK] = np.maximum(_OF_NORMAL * deviation, least)
    return usual, spread


def _highest_of_runs(far: FloatArray) -> list[int]:
    """The highest place of each stretch that is far throughout."""
    places = np.flatnonzero(far > FAR)
    if not len(places):
        return []
    stretches = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [int(one[np.argmax(far[one])]) for one in stretches]
