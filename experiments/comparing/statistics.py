"""Whether two runs differ on the episodes both were tried on: paired differences with intervals.

Every difference is run B minus run A on one episode, so the variation between easy and hard
episodes cancels. All of it is about these two trained networks: one run per method says nothing
about the variation over seeds.

Sources: the paired t interval is Student (1908); the percentile bootstrap Efron and Tibshirani, *An
Introduction to the Bootstrap* (1993), chapter 13; the sign-flip permutation test Fisher, *The
Design of Experiments* (1935), section 21, with the p value of Phipson and Smyth (2010), (b + 1) /
(m + 1), so that it is never 0; several tests are corrected by Holm (1979).
"""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from experiments.errors import Invalid
from experiments.shapes import Episodes, FloatArray

Metric = Literal["loss", "accuracy"]
IntervalMethod = Literal["t", "bootstrap"]

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 0
# Up to 2^12 sign patterns are all tried; past MOST_RESAMPLED episodes the t distribution stands in
# for resampling, which would take seconds and give the same digits.
MOST_EXACT = 12
MOST_RESAMPLED = 20_000
_CHUNK = 2_000_000  # numbers held at once while resampling


@dataclass(frozen=True, eq=False)
class Interval:
    """Bounds of the mean; None below two episodes. `method` is printed beside them."""

    low: float | None
    high: float | None
    method: str

    @property
    def excludes_zero(self) -> bool:
        """True where both bounds lie on one side of 0."""
        return self.low is not None and self.high is not None and self.low * self.high > 0


@dataclass(frozen=True, eq=False)
class PairedDifference:
    """B minus A on the common episodes, in the metric's own unit.

    `differences` is of shape (N,) in the order of A's episodes. `excluded` are common episodes left
    out because a value was not finite. `p_value` is two-sided, of the null hypothesis that the sign
    of each difference is a coin's; None below two episodes.
    `nonfinite` counts, for A and for B, the common episodes on which its own value is not finite.
    """

    metric: Metric
    inner_steps: tuple[int, int]  # of A and of B
    ids: tuple[str, ...]
    differences: FloatArray
    mean: float | None
    interval: Interval
    wins: int  # episodes on which B is better
    ties: int
    losses: int
    p_value: float | None
    test: str
    excluded: tuple[str, ...]
    nonfinite: tuple[int, int]
    only_a: int
    only_b: int

    @property
    def count(self) -> int:
        """N: the episodes both runs have a finite value for."""
        return len(self.ids)

    @property
    def is_identical(self) -> bool:
        """True where both runs had the very same value on every episode."""
        return self.count > 0 and self.ties == self.count and not self.excluded

    @property
    def favours_b(self) -> bool:
        """True where the mean says that B is better: lower loss, higher accuracy."""
        sign = -1 if self.metric == "loss" else 1
        return self.mean is not None and sign * self.mean > 0

    @property
    def favours_a_diverged_run(self) -> bool:
        """True where the run the mean favours is spared episodes on which it was not finite.

        Those may be the hardest: the mean over the others would reward the divergence.
        """
        return self.nonfinite[1 if self.favours_b else 0] > 0


def paired(
    a: Episodes,
    b: Episodes,
    *,
    inner_step: int | tuple[int, int],
    metric: Metric = "loss",
    interval: IntervalMethod = "t",
) -> PairedDifference:
    """B against A on the episode ids both have, after `inner_step` steps (or A's and B's own).

    Raises Invalid when an evaluation has no such inner step or no accuracies.
    """
    steps = (inner_step, inner_step) if isinstance(inner_step, int) else inner_step
    values_a, values_b = by_episode(a, steps[0], metric), by_episode(b, steps[1], metric)
    common = [episode for episode in a.ids if episode in values_b]
    finite = [i for i in common if np.isfinite(values_a[i]) and np.isfinite(values_b[i])]
    kept = set(finite)
    first = np.array([values_a[i] for i in finite], dtype=np.float64)
    second = np.array([values_b[i] for i in finite], dtype=np.float64)
    differences = second - first
    better = differences < 0 if metric == "loss" else differences > 0
    ties = int(np.count_nonzero(differences == 0))
    wins = int(np.count_nonzero(better))
    p_value, test = sign_flip_test(differences)
    return PairedDifference(
        metric=metric,
        inner_steps=steps,
        ids=tuple(finite),
        differences=differences,
        mean=float(differences.mean()) if len(differences) else None,
        interval=t_interval(differences) if interval == "t" else bootstrap_interval(differences),
        wins=wins,
        ties=ties,
        losses=len(differences) - wins - ties,
        p_value=p_value,
        test=test,
        excluded=tuple(i for i in common if i not in kept),
        nonfinite=(_count_nonfinite(values_a, common), _count_nonfinite(values_b, common)),
        only_a=len(a.ids) - len(common),
        only_b=len(b.ids) - len(common),
    )


def t_interval(values: FloatArray, method: str = "95 % paired t interval") -> Interval:
    """The mean plus and minus t(0.975, N - 1) s / sqrt(N); a point where all values are equal.

    `values` are differences of pairs, unless `method` calls them something else.
    """
    if len(values) < 2:
        return Interval(None, None, method)
    mean, half = float(values.mean()), _standard_error(values)
    half *= float(stdtrit(len(values) - 1, 0.5 + CONFIDENCE / 2))
    return Interval(mean - half, mean + half, method)


def bootstrap_interval(values: FloatArray) -> Interval:
    """The 2.5 and 97.5 percentiles of the mean over 10,000 resamples with replacement, seed 0.

    Past 20,000 values it is the t interval, and says so.
    """
    if len(values) < 2:
        return Interval(None, None, _bootstrap_name())
    if len(values) > MOST_RESAMPLED:
        found = t_interval(values)
        return Interval(found.low, found.high, f"{found.method} (too many to bootstrap)")
    low, high = _bootstrap_bounds(values.tobytes())
    return Interval(low, high, _bootstrap_name())


def sign_flip_test(values: FloatArray) -> tuple[float | None, str]:
    """The two-sided p value of a mean as far from 0 as this one, and the test's name.

    Exact up to 12 values, then 10,000 random sign patterns with seed 0, past 20,000 values the
    paired t test. All values 0: p is 1. Below two values: None.
    """
    if len(values) < 2:
        return None, "sign-flip permutation test"
    if not np.any(values):
        return 1.0, "sign-flip permutation test"
    if len(values) > MOST_RESAMPLED:
        error = _standard_error(values)
        t = abs(float(values.mean())) / error if error else np.inf
        return float(2 * stdtr(len(values) - 1, -t)), "paired t test"
    if len(values) <= MOST_EXACT:
        return _exact_p(values), f"exact permutation test, {2 ** len(values):,} sign patterns"
    return _random_p(values.tobytes()), f"permutation test, {RESAMPLES:,} sign flips, seed {SEED}"


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given: reject where it is at most alpha."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def by_episode(episodes: Episodes, step: int, metric: Metric) -> dict[str, float]:
    """Values after `step` inner steps by episode id. Raises Invalid where there are none."""
    table = episodes.losses if metric == "loss" else episodes.accuracies
    if table is None:
        message = "This evaluation has no accuracies: compare by loss."
        raise Invalid(message, code="metric_not_found", fields={"metric": [message]})
    if not 0 <= step < table.shape[1]:
        message = f"There is no inner step {step}: use 0 to {table.shape[1] - 1}."
        raise Invalid(message, code="inner_step_not_found", fields={"inner_step": [message]})
    return dict(zip(episodes.ids, table[:, step].tolist(), strict=True))


def _count_nonfinite(values: dict[str, float], ids: Sequence[str]) -> int:
    return sum(not np.isfinite(values[i]) for i in ids)


def _standard_error(values: FloatArray) -> float:
    if np.ptp(values) == 0:  # rounding of the mean must not become a spread
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _bootstrap_name() -> str:
    return f"95 % percentile bootstrap interval, {RESAMPLES:,} resamples, seed {SEED}"


# The same pair is asked for at every live refresh of every reader: the cache answers by content.
@functools.lru_cache(maxsize=128)
def _bootstrap_bounds(data: bytes) -> tuple[float, float]:
    values = np.frombuffer(data)
    generator = np.random.default_rng(SEED)
    means = np.concatenate(
        [
            values[generator.integers(0, len(values), (rows, len(values)))].mean(axis=1)
            for rows in _portions(len(values))
        ]
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@functools.lru_cache(maxsize=128)
def _random_p(data: bytes) -> float:
    values = np.frombuffer(data)
    generator = np.random.default_rng(SEED)
    observed = abs(values.sum())
    # Sums of the same numbers in another order may differ in the last digits.
    bound = observed - 1e-12 * np.abs(values).sum()
    extreme = 0
    for rows in _portions(len(values)):
        signs = 2.0 * generator.integers(0, 2, (rows, len(values)), dtype=np.int8) - 1.0
        extreme += int(np.count_nonzero(np.abs(signs @ values) >= bound))
    return (extreme + 1) / (RESAMPLES + 1)


def _portions(length: int) -> list[int]:
    """RESAMPLES cut so that a portion of rows of `length` numbers stays small."""
    rows = max(1, _CHUNK // length)
    return [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]


def _exact_p(values: FloatArray) -> float:
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(values))))
    bound = abs(values.sum()) - 1e-12 * np.abs(values).sum()
    return float(np.mean(np.abs(signs @ values) >= bound))
