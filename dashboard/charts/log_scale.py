"""Whether values read better on a logarithmic scale, and ticks for logarithms on a linear axis.

Bars and colours are drawn over logarithms that we take: Plotly places the edges of bars, and all
colours, linearly.
"""

import math
from typing import Any

import numpy as np

from experiments.shapes import FloatArray

SPREAD = 30.0  # of positive values, largest by smallest: from here on a linear scale shows few
MOST_DECADES = 2.5  # with ticks at 2 and 5, too


def is_logarithmic(values: FloatArray, spread: float = SPREAD) -> bool:
    """True for positive values whose largest is so many times the smallest. `values` are finite."""
    return bool(len(values) and values.min() > 0 and values.max() > spread * values.min())


def ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Places (logarithms to base 10) and texts of the ticks from `low` to `high`, both values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if math.log10(high / low) <= MOST_DECADES else (1,)
    stride = max(1, (last - first) // 6)
    found = [step * 10.0**decade for decade in range(first, last + 1, stride) for step in steps]
    inside = [value for value in found if low <= value <= high] or [low, high]
    return [math.log10(value) for value in inside], [f"{value:.3g}" for value in inside]


def tick_options(low: float, high: float) -> dict[str, Any]:
    """The same as options of an axis or a colour bar."""
    places, texts = ticks(low, high)
    return {"tickmode": "array", "tickvals": places, "ticktext": texts}


def finite(values: FloatArray) -> FloatArray:
    """Without what is not finite."""
    return np.asarray(values[np.isfinite(values)])
