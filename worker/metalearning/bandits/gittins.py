"""Indices of Bernoulli arms for a horizon: what a certain reward a pull would have to be worth.

The index of an arm with a successes and b failures (prior counts among them) and h pulls left is

    sup over stopping times 1 <= tau <= h of  E[sum of discounted rewards] / E[sum of discounts]

(Gittins 1979; for finite h and no discount: Nino-Mora 2011). For an endless discounted horizon to
pull the highest index is optimal. For a finite one without discount it is not, but is near: what
is called "gittins" here is that, and an upper bound on no player.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRID = 1001  # rewards from 0 to 1 that a table is made for; indices between are interpolated


def index(a: float, b: float, horizon: int, discount: float = 1.0) -> float:
    """By bisection on the certain reward, to 1e-9."""
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if _advantage(a, b, horizon, discount, middle) > 0:
            low = middle
        else:
            high = middle
    return low


def _advantage(a: float, b: float, horizon: int, discount: float, reward: float) -> float:
    """What pulling now and stopping at the best time gains over the certain reward."""
    later = np.zeros(horizon + 1)
    gain = later[:1]
    for pulled in reversed(range(horizon)):  # s successes among as many pulls
        s = np.arange(pulled + 1)
        p = (a + s) / (a + b + pulled)
        gain = p - reward + discount * (p * later[1 : pulled + 2] + (1 - p) * later[: pulled + 1])
        later = np.maximum(gain, 0)
    return float(gain[0])


def table(pulls: int) -> NDArray[np.float64]:
    """Indices `(h, s, f)` of an arm with prior Beta(1, 1) after s successes and f failures with h
    of `pulls` left, without discount; NaN where no arm can be."""
    found = np.full((pulls + 1, pulls + 1, pulls + 1), np.nan)
    rewards = np.linspace(0.0, 1.0, GRID)[:, None, None]
    counts = np.arange(pulls + 1)
    p = (1.0 + counts[:, None]) / (2.0 + counts[:, None] + counts[None, :])
    later = np.zeros((GRID, pulls + 2, pulls + 2))
    for left in range(1, pulls + 1):
        size = pulls - left + 1  # successes and failures so far are at most pulls - left
        here = p[:size, :size]
        gain = here - rewards + here * later[:, 1 : size + 1, :size]
        gain += (1 - here) * later[:, :size, 1 : size + 1]
        found[left, :size, :size] = _crossing(gain)
        later = np.zeros_like(later)
        later[:, :size, :size] = np.maximum(gain, 0)
    return found


def _crossing(gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """The reward at which the gain, which falls along the first axis, is 0."""
    last = np.maximum((gain > 0).sum(0) - 1, 0)
    last = np.minimum(last, len(gain) - 2)
    above = np.take_along_axis(gain, last[None], 0)[0]
    below = np.take_along_axis(gain, last[None] + 1, 0)[0]
    return np.asarray((last + above / (above - below)) / (len(gain) - 1))
