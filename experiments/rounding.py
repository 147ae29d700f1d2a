"""Numbers as far as their interval lets one read them: two significant digits of its half width."""

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


def is_noise(half_width: float, mean: float) -> bool:
    """Whether an interval has no width but for rounding."""
    return half_width <= NOISE * abs(mean)


def _exponent_of(value: float, *, digits: int) -> int:
    """The power of ten of the first digit, once rounded to so many: -1 for 0.0996."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])
