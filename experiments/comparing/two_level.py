"""How groups of runs differ over seeds and episodes: arrays in, estimates with intervals out.

A group is a table of shape (S, E): one row a trained network (seed), one column an episode, and
every network was tried on the same episodes. Both are samples: of trainings, and of problems.

The interval of every number is "value plus and minus t SE". SE is of a two-level bootstrap that
draws rows and columns of the table (the pigeonhole bootstrap of Owen, *The Annals of Applied
Statistics* 1, 2007): S - 1 of the S seeds and E - 1 of the E episodes with replacement, one fewer
than there are because that makes a resampled mean vary as the mean itself does (Hesterberg, *The
American Statistician* 69, 2015, section 4). Drawing both at once counts what neither explains three
times, drawing one at a time once each; with V_s, V_e and V_se the variances of those three,

    SE^2 = 2 V_s + 2 V_e - V_se, and at least the larger of V_s and V_e,

is free of it. t has the degrees of freedom of Satterthwaite (1946) over S - 1 seeds and E - 1
episodes (one, where two seeds are all): with three seeds, percentiles of the same bootstrap cover
far too rarely. The interval of a probability is made on the scale of its logarithmic odds, where
it is symmetric, and SE is SE / (p (1 - p)). `docs/statistics.md` has the rates measured.

Numbers: the interquartile mean, performance profiles and the probability of improvement are those
of Agarwal et al., *Deep Reinforcement Learning at the Edge of the Statistical Precipice* (2021).
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, stdtr, stdtrit

from experiments.comparing.permutation import seed_permutation_test
from experiments.comparing.statistics import CONFIDENCE
from experiments.shapes import FloatArray

RESAMPLES = 1_000
SEED = 0
Z = 1.959963984540054  # of the normal distribution, at 0.975
_MOST_WEIGHTS = 2_000_000  # numbers in one table of weights
_NEAR = 250_000  # numbers in one table of sums: they stay near the processor
# Streams of random numbers: seeds that are not paired are drawn apart.
_EPISODES, _SEEDS, _OTHER_SEEDS = 0, 1, 2

# Weights of seeds (R, S) and of episodes (R, E), rows summing to 1, to R values.
Statistic = Callable[[FloatArray, FloatArray], FloatArray]
Number = float | FloatArray


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; without one below two seeds or two episodes.

    `freedom` is of the t distribution; `error` the standard error. `method` is printed beside.
    """

    value: float
    low: float | None
    high: float | None
    error: float | None
    freedom: float | None
    method: str

    @property
    def excludes_zero(self) -> bool:
        """True where both bounds lie on one side of 0."""
        return self.low is not None and self.high is not None and self.low * self.high > 0


@dataclass(frozen=True, eq=False)
class Profile:
    """The part of all seeds and episodes that scored at least as well as each threshold.

    All of shape (T,). `low` and `high` are pointwise; None below two seeds.
    """

    thresholds: FloatArray
    part: FloatArray
    low: FloatArray | None
    high: FloatArray | None


@dataclass(frozen=True, eq=False)
class Contrast:
    """Group B minus group A on the same episodes.

    `differences` are by episode, of the means over seeds, of shape (E,).
    `wins`, `ties` and `losses` of B count episodes, by the mean over seeds. `p_value` is of the
    mean difference, by the t of its interval; `seed_p` permutes whole seeds, and cannot fall below
    `least_seed_p`.
    """

    differences: FloatArray
    mean: Estimate
    iqm: Estimate
    improvement: Estimate
    wins: int
    ties: int
    losses: int
    p_value: float | None
    seed_p: float | None
    least_seed_p: float | None
    seed_test: str
    seeds: tuple[int, int]
    episodes: int
    is_seed_paired: bool


@dataclass(frozen=True, eq=False)
class _Parts:
    """What a statistic varies by: seeds of A, of B (None: drawn with A's), episodes, all."""

    seeds: tuple[FloatArray, ...]
    all_seeds: FloatArray
    episodes: FloatArray
    joint: FloatArray


def mean_of(scores: FloatArray) -> Estimate:
    """The mean of an (S, E) table."""
    return _estimate(_mean(scores), scores.shape)


def iqm_of(scores: FloatArray) -> Estimate:
    """The interquartile mean of an (S, E) table: of the middle half of its S E values.

    A value on the edge of the middle half counts by the part that lies within; scipy's
    `trim_mean(x, 0.25)` where S E is a multiple of 4.
    """
    return _iqm_of(scores.tobytes(), scores.shape)


def contrast(a: FloatArray, b: FloatArray, *, lower_is_better: bool, paired: bool) -> Contrast:
    """B, (S_B, E), against A, (S_A, E), whose columns are the same episodes.

    `paired`: row s of both has the same seed, so seeds are drawn together.
    """
    tables = a.tobytes(), a.shape, b.tobytes(), b.shape
    return _contrast(*tables, lower_is_better=lower_is_better, paired=paired)


# The same groups are asked for at every live refresh of every reader, and for every figure: the
# cache answers by content.
@functools.lru_cache(maxsize=32)
def _iqm_of(data: bytes, shape: tuple[int, ...]) -> Estimate:
    return _estimate(_iqm(np.frombuffer(data).reshape(shape)), shape)


@functools.lru_cache(maxsize=32)
def _contrast(
    data_a: bytes,
    shape_a: tuple[int, ...],
    data_b: bytes,
    shape_b: tuple[int, ...],
    *,
    lower_is_better: bool,
    paired: bool,
) -> Contrast:
    a, b = np.frombuffer(data_a).reshape(shape_a), np.frombuffer(data_b).reshape(shape_b)
    better = -1.0 if lower_is_better else 1.0
    by_episode = _without_rounding(b.mean(axis=0) - a.mean(axis=0), a, b)
    wins, ties = int(np.sum(better * by_episode > 0)), int(np.sum(by_episode == 0))
    mean = difference_of_means(a, b, paired=paired)
    seed_p, least, test = seed_permutation_test(a.mean(axis=1), b.mean(axis=1), paired=paired)
    return Contrast(
        differences=by_episode,
        mean=mean,
        iqm=_difference(_iqm, a, b, paired=paired),
        improvement=probability_of_improvement(better * a, better * b, paired=paired),
        wins=wins,
        ties=ties,
        losses=len(by_episode) - wins - ties,
        p_value=_p_value(mean),
        seed_p=seed_p,
        least_seed_p=least,
        seed_test=test,
        seeds=(len(a), len(b)),
        episodes=a.shape[1],
        is_seed_paired=paired,
    )


def _without_rounding(by_episode: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Equal scores in another order of seeds have means that differ in their last digits: no win.

    Twice what adding S numbers can lose (Higham 2002, section 4.2), relative to the largest.
    """
    count = max(len(a), len(b))
    largest = np.maximum(np.abs(a).max(axis=0), np.abs(b).max(axis=0))
    lost = 2 * count * np.finfo(np.float64).eps * largest
    return np.where(np.abs(by_episode) <= lost, 0.0, by_episode)


def difference_of_means(a: FloatArray, b: FloatArray, *, paired: bool) -> Estimate:
    """The mean of B minus that of A."""
    return _difference(_mean, a, b, paired=paired)


def probability_of_improvement(a: FloatArray, b: FloatArray, *, paired: bool) -> Estimate:
    """How often a training of B scores higher than one of A on the same episode; a tie is half.

    The mean over episodes of the Mann-Whitney statistic over all S_A S_B pairs of seeds. Where B
    wins everywhere or nowhere a bootstrap sees no spread: the interval is then that of Wilson
    (1927) with N = min(S_A, S_B), the trainings that are independent.
    """
    higher = (b[None] > a[:, None]) + 0.5 * (b[None] == a[:, None])  # (S_A, S_B, E)
    value = float(higher.mean())
    count = min(len(a), len(b))
    if value in (0.0, 1.0) and count >= 2 and a.shape[1] >= 2:
        edge = Z**2 / (count + Z**2)
        low, high = (0.0, edge) if value == 0 else (1 - edge, 1.0)
        return Estimate(value, low, high, None, None, f"95 % Wilson interval, N = {count} seeds")

    def drawn(of_a: FloatArray, of_b: FloatArray, of_episodes: FloatArray) -> FloatArray:
        pairs = of_episodes @ higher.reshape(-1, higher.shape[2]).T
        by_pair = pairs.reshape(-1, len(a), len(b))
        return np.asarray(np.einsum("rab,ra,rb->r", by_pair, of_a, of_b))

    if count < 2 or a.shape[1] < 2:
        return Estimate(value, None, None, None, None, _method(a.shape[1]))
    own, other, episodes = _draws(a, b, paired=paired)
    (flat_a, flat_b), flat = (_flat(own), _flat(other)), _flat(episodes)
    parts = _Parts(
        seeds=() if paired else (drawn(own, flat_b, flat), drawn(flat_a, other, flat)),
        all_seeds=drawn(own, other, flat),
        episodes=drawn(flat_a, flat_b, episodes),
        joint=drawn(own, other, episodes),
    )
    return _on_log_odds(_interval(value, parts, (len(a), len(b)), a.shape[1]))


def profile(scores: FloatArray, thresholds: FloatArray, *, lower_is_better: bool) -> Profile:
    """The performance profile of an (S, E) table at (T,) thresholds, with pointwise bands."""
    sign = -1.0 if lower_is_better else 1.0
    reached = (sign * scores[..., None] >= sign * thresholds).astype(np.float64)  # (S, E, T)
    part = reached.mean(axis=(0, 1))
    if min(scores.shape) < 2:
        return Profile(thresholds, part, None, None)
    seeds = _weights(len(scores), _SEEDS, _resamples(scores.shape[1]))
    episodes = _weights(scores.shape[1], _EPISODES, _resamples(scores.shape[1]))
    by_episodes = np.tensordot(episodes, reached, axes=(1, 1))  # (R, S, T)
    joint = np.einsum("rs,rst->rt", seeds, by_episodes)
    of_seeds, of_episodes = seeds @ reached.mean(axis=1), by_episodes.mean(axis=1)
    v_seeds, v_episodes = of_seeds.var(axis=0, ddof=1), of_episodes.var(axis=0, ddof=1)
    variance = _variance(v_seeds, v_episodes, joint.var(axis=0, ddof=1))
    freedom = _freedom([(v_seeds, len(scores) - 1)], (v_episodes, scores.shape[1] - 1))
    half = stdtrit(freedom, 0.5 + CONFIDENCE / 2) * np.sqrt(variance)
    return Profile(thresholds, part, np.clip(part - half, 0, 1), np.clip(part + half, 0, 1))


def _mean(scores: FloatArray) -> Statistic:
    return lambda seeds, episodes: np.einsum("rs,rs->r", seeds, episodes @ scores.T)


def _iqm(scores: FloatArray) -> Statistic:
    """By sums of weights up to each value, in order: what of them lies from 1/4 to 3/4 counts.

    With m_k that sum cut to [1/4, 3/4], sum (m_k - m_(k-1)) v_k is summed by parts.
    """
    order = np.argsort(scores, axis=None, kind="stable")
    values = scores.ravel()[order]
    rows, columns = np.divmod(order, scores.shape[1])
    steps = np.diff(values)
    at_once = int(np.clip(_NEAR // len(values), 8, 64))

    def drawn(seeds: FloatArray, episodes: FloatArray) -> FloatArray:
        found = []
        of_seeds, of_episodes = seeds.T, episodes.T
        for start in range(0, len(seeds), at_once):
            some = slice(start, start + at_once)
            sums = np.ascontiguousarray(of_seeds[:, some])[rows[:-1]]
            sums *= np.ascontiguousarray(of_episodes[:, some])[columns[:-1]]
            np.cumsum(sums, axis=0, out=sums)
            np.clip(sums, 0.25, 0.75, out=sums)
            found.append((0.75 * values[-1] - 0.25 * values[0] - steps @ sums) / 0.5)
        return np.concatenate(found)

    return drawn


def _estimate(statistic: Statistic, shape: tuple[int, ...]) -> Estimate:
    value = float(statistic(_even(shape[0]), _even(shape[1]))[0])
    if min(shape) < 2:
        return Estimate(value, None, None, None, None, _method(shape[1]))
    resamples = _resamples(shape[1])
    parts = _varied(statistic, _weights(shape[0], _SEEDS, resamples), shape[1])
    return _interval(value, parts, (shape[0], shape[0]), shape[1])


def _difference(
    make: Callable[[FloatArray], Statistic], a: FloatArray, b: FloatArray, *, paired: bool
) -> Estimate:
    of_a, of_b = make(a), make(b)
    even = _even(a.shape[1])
    value = float((of_b(_even(len(b)), even) - of_a(_even(len(a)), even))[0])
    if min(len(a), len(b), a.shape[1]) < 2:
        return Estimate(value, None, None, None, None, _method(a.shape[1]))
    own, other, _ = _draws(a, b, paired=paired)
    first, second = _varied(of_a, own, a.shape[1]), _varied(of_b, other, a.shape[1])
    parts = _Parts(
        seeds=() if paired else (first.all_seeds, second.all_seeds),
        all_seeds=second.all_seeds - first.all_seeds,
        episodes=second.episodes - first.episodes,
        joint=second.joint - first.joint,
    )
    return _interval(value, parts, (len(a), len(b)), a.shape[1])


def _varied(statistic: Statistic, seeds: FloatArray, count: int) -> _Parts:
    episodes = _weights(count, _EPISODES, _resamples(count))
    return _Parts(
        seeds=(),
        all_seeds=statistic(seeds, _flat(episodes)),
        episodes=statistic(_flat(seeds), episodes),
        joint=statistic(seeds, episodes),
    )


def _interval(value: float, parts: _Parts, seeds: tuple[int, int], episodes: int) -> Estimate:
    v_episodes = float(parts.episodes.var(ddof=1))
    if parts.seeds:
        by_seeds = [
            (float(one.var(ddof=1)), count - 1)
            for one, count in zip(parts.seeds, seeds, strict=True)
        ]
        v_seeds = sum(variance for variance, _ in by_seeds)
    else:
        v_seeds = float(parts.all_seeds.var(ddof=1))
        by_seeds = [(v_seeds, seeds[0] - 1)]
    error = math.sqrt(_variance(v_seeds, v_episodes, float(parts.joint.var(ddof=1))))
    freedom = float(_freedom(by_seeds, (v_episodes, episodes - 1)))
    half = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    return Estimate(value, value - half, value + half, error, freedom, _method(episodes))


def _on_log_odds(found: Estimate) -> Estimate:
    """The same t interval of a probability, symmetric in its logarithmic odds."""
    assert found.freedom is not None
    assert found.error is not None
    odds = logit(found.value)
    half = float(stdtrit(found.freedom, 0.5 + CONFIDENCE / 2))
    half *= found.error / (found.value * (1 - found.value))
    low, high = float(expit(odds - half)), float(expit(odds + half))
    method = f"{found.method}, of the logarithmic odds"
    return Estimate(found.value, low, high, found.error, found.freedom, method)


def _variance(seeds: Number, episodes: Number, joint: Number) -> FloatArray:
    """SE^2 by the three variances, of numbers or of arrays of them."""
    found: FloatArray = np.maximum(2 * seeds + 2 * episodes - joint, np.maximum(seeds, episodes))
    return found


def _freedom(seeds: Sequence[tuple[Number, int]], episodes: tuple[Number, int]) -> FloatArray:
    """Satterthwaite's degrees of freedom; 1 with two seeds, whose spread tells too little."""
    parts = [*seeds, episodes]
    weighed = np.asarray(sum(np.square(variance) / count for variance, count in parts))
    least = min(count for _, count in parts)
    if len(seeds) == 1 and least == 1:
        return np.ones_like(weighed)
    total = np.square(np.asarray(sum(variance for variance, _ in parts)))
    return np.where(weighed > 0, total / np.where(weighed > 0, weighed, 1), least)


def _p_value(mean: Estimate) -> float | None:
    if mean.error is None or mean.freedom is None:
        return None
    if mean.error == 0:
        return 1.0 if mean.value == 0 else 0.0
    return float(2 * stdtr(mean.freedom, -abs(mean.value) / mean.error))


def _draws(
    a: FloatArray, b: FloatArray, *, paired: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights of A's seeds, of B's, and of the episodes of both."""
    resamples = _resamples(a.shape[1])
    return (
        _weights(len(a), _SEEDS, resamples),
        _weights(len(b), _SEEDS if paired else _OTHER_SEEDS, resamples),
        _weights(a.shape[1], _EPISODES, resamples),
    )


@functools.lru_cache(maxsize=8)
def _weights(count: int, stream: int, resamples: int) -> FloatArray:
    """(R, count): how often each was drawn in count - 1 draws, as a part of them."""
    generator = np.random.default_rng([SEED, stream])
    drawn = generator.multinomial(count - 1, np.full(count, 1 / count), size=resamples)
    return drawn / (count - 1)


def _even(count: int) -> FloatArray:
    return np.full((1, count), 1 / count)


def _flat(weights: FloatArray) -> FloatArray:
    return np.full(weights.shape, 1 / weights.shape[1])


def _resamples(episodes: int) -> int:
    """Fewer for very many episodes, whose weights would fill the memory."""
    return int(np.clip(_MOST_WEIGHTS // episodes, 100, RESAMPLES))


def _method(episodes: int) -> str:
    return (
        f"95 % t interval from a two-level bootstrap, {_resamples(episodes):,} resamples of seeds "
        f"and of episodes, seed {SEED}"
    )
