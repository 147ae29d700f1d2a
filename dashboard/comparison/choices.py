"""Which metrics a list offers at once: of thousands the first, and scripts add the others."""

from collections.abc import Sequence

AT_ONCE = 100


def choices(metrics: Sequence[str], chosen: str) -> tuple[str, ...]:
    """The first of them, and the chosen one."""
    first = tuple(metrics[:AT_ONCE])
    return first if chosen in first or chosen not in metrics else (*first, chosen)
