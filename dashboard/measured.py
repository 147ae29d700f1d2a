"""How a mean with its interval reads: rounded together, as far as the interval lets one read it.

The half width keeps two significant digits, and the mean ends at the same decimal: "3.00 ± 0.25".
"""

import math
from dataclasses import dataclass

from experiments.rounding import Rounding, is_noise


@dataclass(frozen=True)
class Measured:
    """The texts of a mean and of its half width, which is "" where there is no interval."""

    mean: str
    half_width: str = ""

    def __str__(self) -> str:
        return f"{self.mean} ± {self.half_width}" if self.half_width else self.mean


MISSING = Measured("–")


def measured(mean: float | None, half_width: float | None, metric: str = "loss") -> Measured:
    """A mean of `metric` over episodes with its half width; accuracies read in percent.

    A mean of None or NaN was over no finite number; such a half width over fewer than two.
    """
    scale, unit = (100.0, " %") if metric == "accuracy" else (1.0, "")
    if mean is None or not math.isfinite(mean):
        return Measured("NaN")
    mean *= scale
    if half_width is None or not math.isfinite(half_width):
        return Measured(_alone(mean) + unit)
    half_width *= scale
    if is_noise(half_width, mean):
        return Measured(_alone(mean) + unit, f"0{unit}")
    rounding = Rounding.to(half_width, mean)
    return Measured(rounding.text(mean) + unit, rounding.text(half_width) + unit)


def at_step(numbers: dict[str, list[float | None]] | None, step: int, metric: str) -> Measured:
    """The mean after `step` inner steps in an evaluation's summary of a metric."""
    means, halves = (numbers or {}).get("mean", []), (numbers or {}).get("half_width", [])
    if not 0 <= step < len(means):
        return MISSING
    return measured(means[step], halves[step] if step < len(halves) else None, metric)


def _alone(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
