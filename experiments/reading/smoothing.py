"""Smoothing of a whole series: a debiased exponential moving average."""

import math

import numpy as np

from experiments.shapes import FloatArray

_BLOCK = 32
_NEGLIGIBLE = 1e-17  # 1 minus it is 1


def debiased_average(values: FloatArray, weight: float) -> FloatArray:
    """At each finite value the weighted mean of it and all finite ones before.

    The k-th finite value before it counts weight**k (0 < weight < 1) times as much. NaN and
    infinities count nothing; the result is NaN at them.
    """
    finite = np.isfinite(values)
    averages = _decayed_sums(values[finite] * (1 - weight), weight)
    # The weights of the first n values add up to 1 - weight**n.
    young = averages[: math.ceil(math.log(_NEGLIGIBLE) / math.log(weight))]
    young /= 1 - weight ** np.arange(1, len(young) + 1)
    if len(averages) == len(values):
        return averages
    spread = np.full(len(values), np.nan)
    spread[finite] = averages
    return spread


def _decayed_sums(values: FloatArray, weight: float) -> FloatArray:
    """sums[i] = weight * sums[i - 1] + values[i].

    All blocks advance side by side, as if each were the first; then each gets what those before
    it hand on, which is a sum of the same kind over the ends of blocks.
    """
    sums = np.zeros((-(-len(values) // _BLOCK), _BLOCK))
    sums.reshape(-1)[: len(values)] = values
    for column in range(1, _BLOCK):
        sums[:, column] += weight * sums[:, column - 1]
    if len(sums) > 1:
        handed_on = _decayed_sums(sums[:-1, -1], weight**_BLOCK)
        sums[1:] += handed_on[:, None] * weight ** np.arange(1, _BLOCK + 1)
    return sums.reshape(-1)[: len(values)]
