"""A test over whole seeds, which assumes nothing about how trainings vary (Fisher 1935)."""

import itertools
import math

import numpy as np

from experiments.comparing.statistics import SEED, sign_flip_test
from experiments.shapes import FloatArray

MOST_PERMUTATIONS = 20_000


def seed_permutation_test(
    a: FloatArray, b: FloatArray, *, paired: bool
) -> tuple[float | None, float | None, str]:
    """p of the means per seed, (S_A,) and (S_B,), the least p it can reach, and its name.

    Paired: signs of the differences are flipped. Else seeds change groups (Fisher 1935), all
    divisions up to 20,000, then 10,000 random ones. Below two seeds: None.
    """
    if min(len(a), len(b)) < 2:
        return None, None, "permutation test over seeds"
    if paired:
        p_value, name = sign_flip_test(b - a)
        return p_value, 2.0 ** (1 - len(a)), f"{name}, over seeds"
    pooled, divisions = np.concatenate([a, b]), math.comb(len(a) + len(b), len(b))
    least = (2 if len(a) == len(b) else 1) / divisions
    if divisions <= MOST_PERMUTATIONS:
        places = np.array(list(itertools.combinations(range(len(pooled)), len(b))))
        name = f"exact permutation of seeds, {divisions:,} divisions"
        return _as_extreme(pooled, places, b, added=0), least, name
    random = np.random.default_rng(SEED).random((10_000, len(pooled))).argsort(axis=1)
    p_value = _as_extreme(pooled, random[:, : len(b)], b, added=1)
    return p_value, 1 / 10_001, f"permutation of seeds, 10,000 divisions, seed {SEED}"


def _as_extreme(pooled: FloatArray, places: np.ndarray, b: FloatArray, *, added: int) -> float:
    """The part of divisions whose mean of B is as far from the pooled mean as the observed."""
    centred = pooled - pooled.mean()
    sums = centred[places].sum(axis=1)
    bound = abs(float(b.sum() - len(b) * pooled.mean())) - 1e-12 * float(np.abs(pooled).sum())
    return float((np.count_nonzero(np.abs(sums) >= bound) + added) / (len(places) + added))
