"""Where sliders over steps stop."""

from collections.abc import Sequence

MOST_STOPS = 1_000


def stops(steps: Sequence[int]) -> tuple[int, ...]:
    """All steps, or so many of them at equal distances, the last among them."""
    if len(steps) <= MOST_STOPS:
        return tuple(steps)
    apart = (len(steps) - 1) / (MOST_STOPS - 1)
    return tuple(steps[round(apart * place)] for place in range(MOST_STOPS))
