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
