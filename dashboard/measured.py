"""How a mean with its interval reads: rounded together, as far as the interval lets one read it.

The half width keeps two significant digits, and the mean ends at the same decimal: "3.00 ± 0.25".
"""

import math
from dataclasses import dataclass

# Beyond these both numbers are written times one power of ten.
LEAST_PLAIN, MOST_PLAIN = 1e-4, 1e7
# A half width below this part of its mean is what adding up equal numbers leaves: it reads as 0.
NOISE = 1e-12


@dataclass(frozen=True)
class Rounding:
    """To `decimals` (negative: to tens, hundreds ...) of the number divided by 10**`exponent`."""

    decimals: int
    exponent: int

    @classmethod
    def to(cls, half_width: float, *others: float) -> "Rounding":
        """Two significant digits of `half_width` (finite, above 0) for it and all others."""
        last_digit = _exponent_of(half_width, digits=2) - 1
        largest = max(half_width, *map(abs, others))
        is_plain = LEAST_PLAIN <= largest < MOST_PLAIN
        exponent = 0 if is_plain else _exponent_of(largest, digits=2)
        return cls(exponent - last_digit, exponent)

    def text(self, value: float) -> str:
        """The number with a true minus; what is rounded to 0 has no sign."""
        number = round(value / 10.0**self.exponent, self.decimals) + 0.0
        written = f"{number:,.{max(self.decimals, 0)}f}"
        if self.exponent:
            written += f"e{self.exponent}"
        return written.replace("-", "−")

    def signed(self, value: float) -> str:
        """The number with its sign, also where it is rounded to 0: on which side it lies."""
        sign = "+" if value > 0 else "−" if value < 0 else ""
        return sign + self.text(abs(value))


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


def is_noise(half_width: float, mean: float) -> bool:
    """Whether an interval has no width but for rounding."""
    return half_width <= NOISE * abs(mean)


def _alone(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _exponent_of(value: float, *, digits: int) -> int:
    """The power of ten of the first digit, once rounded to so many: -1 for 0.0996."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])
