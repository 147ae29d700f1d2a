"""Is a group of runs better than the baseline's by one number a run, such as its best accuracy?

For runs without episodes. The number of each training is one observation: seeds alone are the
sample, so that one run a side says nothing about methods. Groups of the same seeds are paired, with
the t interval of Student (1908); others have the interval and the test of Welch (1947). A
permutation of whole seeds stands beside, and p values are corrected by Holm.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from experiments.comparing import permutation, statistics
from experiments.comparing.groups import Group, are_paired
from experiments.comparing.statistics import CONFIDENCE, Interval
from experiments.comparing.verdict import ALPHA
from experiments.directions import Direction
from experiments.shapes import FloatArray

ValueJudgement = Literal["better", "worse", "higher", "lower", "unclear", "unknown", "missing"]


@dataclass(frozen=True, eq=False)
class GroupValues:
    """`values` (S,) of its `run_ids`; `left_out` are runs without a finite number, with the reason.

    `interval` is of the mean; `deviation` the standard deviation between seeds.
    """

    group: Group
    run_ids: tuple[str, ...]
    seeds: tuple[int | None, ...]
    values: FloatArray
    left_out: Mapping[str, str]
    mean: float | None
    deviation: float | None
    interval: Interval


@dataclass(frozen=True, eq=False)
class ValueComparison:
    """One group against the baseline's: the mean of B minus that of A.

    "higher" and "lower" stand for "better" and "worse" where no direction is known.
    """

    group: GroupValues
    judgement: ValueJudgement
    mean: float | None
    interval: Interval
    p_value: float | None
    test: str
    holm_p: float | None
    seed_p: float | None
    least_seed_p: float | None
    seed_test: str
    seeds: tuple[int, int]
    is_seed_paired: bool


@dataclass(frozen=True, eq=False)
class ValueVerdict:
    """`comparisons` are in the order of the groups, without the baseline's."""

    baseline: GroupValues
    comparisons: tuple[ValueComparison, ...]

    @property
    def groups(self) -> tuple[GroupValues, ...]:
        """Of every group, the baseline's first."""
        return (self.baseline, *(one.group for one in self.comparisons))

    @property
    def tests(self) -> int:
        """How many comparisons the Holm correction is over."""
        return sum(one.holm_p is not None for one in self.comparisons)


@dataclass(frozen=True, eq=False)
class _Test:
    interval: Interval
    p_value: float | None
    name: str


def judge(
    groups: Sequence[Group],
    values: Mapping[str, float | None],
    *,
    baseline_id: str,
    direction: Direction,
) -> ValueVerdict:
    """Compare groups with the one that holds run `baseline_id` by one number of each run."""
    of_baseline = next(one for one in groups if baseline_id in (*one.run_ids, *one.superseded))
    base = _values(of_baseline, values)
    others = [_values(one, values) for one in groups if one != of_baseline]
    tests = [_test(base, one) for one in others]
    corrected = iter(statistics.holm([one.p_value for one in tests if one.p_value is not None]))
    holm = [None if one.p_value is None else next(corrected) for one in tests]
    found = zip(others, tests, holm, strict=True)
    return ValueVerdict(base, tuple(_comparison(base, *one, direction) for one in found))


def welch(a: FloatArray, b: FloatArray) -> tuple[Interval, float | None]:
    """The interval and the two-sided p of the difference of means, by Welch's t."""
    method = "95 % Welch t interval over seeds"
    if min(len(a), len(b)) < 2:
        return Interval(None, None, method), None
    parts = [float(one.var(ddof=1)) / len(one) for one in (a, b)]
    error, mean = math.sqrt(sum(parts)), float(b.mean() - a.mean())
    if error == 0:
        return Interval(mean, mean, method), 1.0 if mean == 0 else 0.0
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    half = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    p_value = float(2 * stdtr(freedom, -abs(mean) / error))
    return Interval(mean - half, mean + half, method), p_value


def paired_t(differences: FloatArray) -> tuple[Interval, float | None]:
    """The interval and the two-sided p of the mean difference of paired seeds, by Student's t."""
    found = statistics.t_interval(differences)
    interval = Interval(found.low, found.high, f"{found.method} over seeds")
    if len(differences) < 2:
        return interval, None
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    if error == 0:
        return interval, 1.0 if mean == 0 else 0.0
    return interval, float(2 * stdtr(len(differences) - 1, -abs(mean) / error))


def _values(group: Group, values: Mapping[str, float | None]) -> GroupValues:
    left_out = dict.fromkeys(group.superseded, "a newer run has the same seed")
    kept = []
    for place, run_id in enumerate(group.run_ids):
        value = values.get(run_id)
        if value is not None and math.isfinite(value):
            kept.append((run_id, group.seeds[place], value))
        else:
            left_out[run_id] = "no number" if value is None else "not finite"
    found = np.array([value for _, _, value in kept], dtype=np.float64)
    return GroupValues(
        group=group,
        run_ids=tuple(run_id for run_id, _, _ in kept),
        seeds=tuple(seed for _, seed, _ in kept),
        values=found,
        left_out=left_out,
        mean=float(found.mean()) if len(found) else None,
        deviation=float(found.std(ddof=1)) if len(found) > 1 else None,
        interval=statistics.t_interval(found, "95 % t interval of the mean"),
    )


def _is_paired(base: GroupValues, other: GroupValues) -> bool:
    return len(base.seeds) > 0 and are_paired(base.seeds, other.seeds)


def _test(base: GroupValues, other: GroupValues) -> _Test:
    if _is_paired(base, other):
        return _Test(*paired_t(_by_seed(other) - _by_seed(base)), "paired t test over seeds")
    return _Test(*welch(base.values, other.values), "Welch's t test over seeds")


def _comparison(
    base: GroupValues,
    other: GroupValues,
    test: _Test,
    holm_p: float | None,
    direction: Direction,
) -> ValueComparison:
    paired = _is_paired(base, other)
    a, b = (_by_seed(base), _by_seed(other)) if paired else (base.values, other.values)
    seed_p, least, name = permutation.seed_permutation_test(a, b, paired=paired)
    mean = None if base.mean is None or other.mean is None else other.mean - base.mean
    return ValueComparison(
        group=other,
        judgement=_judgement(mean, test.interval, holm_p, direction),
        mean=mean,
        interval=test.interval,
        p_value=test.p_value,
        test=test.name,
        holm_p=holm_p,
        seed_p=seed_p,
        least_seed_p=least,
        seed_test=name,
        seeds=(len(a), len(b)),
        is_seed_paired=paired,
    )


def _judgement(
    mean: float | None, interval: Interval, holm_p: float | None, direction: Direction
) -> ValueJudgement:
    if mean is None:
        return "missing"
    if holm_p is None:
        return "unknown"
    if not interval.excludes_zero or holm_p >= ALPHA:
        return "unclear"
    if not direction:
        return "higher" if mean > 0 else "lower"
    return "better" if (mean > 0) == (direction == "max") else "worse"


def _by_seed(group: GroupValues) -> FloatArray:
    order = sorted(range(len(group.seeds)), key=lambda i: group.seeds[i] or 0)
    return group.values[order]
