"""The mean over episodes with its 95 % t interval, per inner step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from experiments.shapes import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Means:
    """Per column of a table: over its `counts` finite numbers; `nonfinite` are left out.

    The mean is NaN over none, the half width over fewer than two.
    """

    mean: FloatArray
    half_width: FloatArray
    counts: IntArray
    nonfinite: IntArray


def means(table: FloatArray) -> Means:
    """Mean and half width t(0.975, n - 1) s / sqrt(n) of each column of (N, S + 1) numbers."""
    finite = np.isfinite(table)
    counts = finite.sum(axis=0)
    some = np.where(counts > 0, counts, np.nan)
    several = np.where(counts > 1, counts, np.nan)
    mean = np.where(finite, table, 0.0).sum(axis=0) / some
    squares = np.where(finite, table - mean, 0.0) ** 2
    deviation = np.sqrt(squares.sum(axis=0) / (several - 1))
    half_width = stdtrit(several - 1, 0.975) * deviation / np.sqrt(several)
    return Means(mean, half_width, counts, len(table) - counts)


def welch(a: tuple[float, float, int], b: tuple[float, float, int]) -> tuple[float, float]:
    """Mean of a less mean of b, and the half width of Welch's 95 % t interval.

    Each is a mean, the half width of its own t interval and the N behind it, as `means` finds them.
    The half width is NaN where either has fewer than two.
    """
    (mean_a, half_a, count_a), (mean_b, half_b, count_b) = a, b
    difference = mean_a - mean_b
    if min(count_a, count_b) < 2:
        return difference, float("nan")
    error_a, error_b = (
        (half / float(stdtrit(count - 1, 0.975))) ** 2
        for half, count in ((half_a, count_a), (half_b, count_b))
    )
    total = error_a + error_b
    if not total > 0:
        return difference, 0.0 if total == 0 else float("nan")
    freedom = total**2 / (error_a**2 / (count_a - 1) + error_b**2 / (count_b - 1))
    return difference, float(stdtrit(freedom, 0.975)) * total**0.5


def summary(table: FloatArray) -> dict[str, Any]:
    """The means as kept in `Evaluation.summary`: lists by inner step, null for NaN."""
    found = means(table)
    return {
        "mean": _nullable(found.mean),
        "half_width": _nullable(found.half_width),
        "nonfinite": found.nonfinite.tolist(),
    }


def _nullable(column: FloatArray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in column.tolist()]
