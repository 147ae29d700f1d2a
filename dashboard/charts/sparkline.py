"""Sparklines: a curve the size of a word, as SVG in the page itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PAD = 3


@dataclass(frozen=True)
class Sparkline:
    """Path data in a box of `width` by `height`; (end_x, end_y) is the last point."""

    width: int
    height: int
    line: str
    area: str
    end_x: float
    end_y: float
    color: str


def sparkline(
    values: Sequence[float], *, color: str, width: int = 96, height: int = 24
) -> Sparkline | None:
    """The finite values from left to right; None when fewer than two are left to draw."""
    y = np.asarray(values, dtype=np.float64)
    y = y[np.isfinite(y)]
    if len(y) < 2:
        return None
    spread = float(y.max() - y.min()) or 1.0
    down = height - PAD - (y - y.min()) / spread * (height - 2 * PAD)
    across = np.linspace(1, width - 4, len(y))
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, down, strict=True))
    return Sparkline(
        width=width,
        height=height,
        line=f"M{points}",
        area=f"M{points}L{across[-1]:.1f} {height}L1 {height}Z",
        end_x=round(float(across[-1]), 1),
        end_y=round(float(down[-1]), 1),
        color=color,
    )
