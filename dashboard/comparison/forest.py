"""Where a forest row draws: from differences to x positions, 0 always in sight."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.comparison.numbers import signed
from experiments.comparing.statistics import Metric

WIDTH = 300  # of a row's drawing


@dataclass(frozen=True)
class Scale:
    """From `least` to `most`, in the unit of the differences."""

    least: float
    most: float

    @classmethod
    def over(cls, intervals: Iterable[tuple[float | None, float | None]]) -> "Scale":
        """That shows all of these bounds; None where there is none."""
        ends = [0.0, *(end for bounds in intervals for end in bounds if end is not None)]
        room = (max(ends) - min(ends)) * 0.12 or 1.0
        return cls(min(ends) - room, max(ends) + room)

    def x(self, value: float) -> float:
        """The place of a difference, 0 to 300."""
        return round(WIDTH * (value - self.least) / (self.most - self.least), 1)

    def ticks(self, metric: Metric) -> tuple[tuple[float, str], ...]:
        """The ends of the intervals' range, and 0: percent from the left, text."""
        span = self.most - self.least
        places = [self.least + span * part for part in (0.1, 0.9)] + [0.0]
        near = span * 0.14
        kept = [v for v in places if v == 0 or abs(v) > near]
        return tuple((round(100 * self.x(v) / WIDTH, 1), signed(v, metric)) for v in sorted(kept))
