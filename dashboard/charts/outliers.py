"""Which heights a chart shows when it leaves out what lies far off."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.shapes import FloatArray

TAIL = 1  # percent of the drawn points at each end that may be far off
FAR = 0.5  # of the range of the others: how far beyond them is not far yet


@dataclass(frozen=True)
class Clipped:
    """The range shown, and how many drawn points lie outside it."""

    low: float
    high: float
    outside: int

    @property
    def note(self) -> str:
        points = "point lies" if self.outside == 1 else "points lie"
        return f"{self.outside:,} far-off {points} outside what is shown"


def clipped(columns: Sequence[FloatArray], *, is_log: bool) -> Clipped | None:
    """None where nothing lies far off."""
    values = np.concatenate([*columns, np.empty(0)])
    values = values[np.isfinite(values) & ((values > 0) | (not is_log))]
    if not len(values):
        return None
    scaled = np.log10(values) if is_log else values
    low, high = np.percentile(scaled, [TAIL, 100 - TAIL])
    room = FAR * (high - low)
    outside = (scaled < low - room) | (scaled > high + room)
    if not outside.any():
        return None
    inside = scaled[~outside]
    low, high = float(inside.min()), float(inside.max())
    room = 0.05 * (high - low) or 1.0
    return Clipped(low - room, high + room, int(outside.sum()))
