"""Is a group of runs better than the baseline's? Seeds and episodes are both samples.

The protocol guard comes first and is over runs: one that was not evaluated as the baseline run was
is left out of its group. Then each group is set against the baseline's, on the
episodes that all their runs share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments import reading
from experiments.comparing import protocol, statistics, two_level
from experiments.comparing.groups import Group, are_paired
from experiments.comparing.protocol import Mismatch
from experiments.comparing.statistics import Metric
from experiments.comparing.two_level import Contrast, Estimate, Profile
from experiments.comparing.verdict import ALPHA, Judgement, default_steps
from experiments.models import Evaluation
from experiments.shapes import FloatArray

BoolArray = NDArray[np.bool_]
THRESHOLDS = 81  # of a performance profile: quantiles of all values


@dataclass(frozen=True, eq=False)
class GroupScores:
    """What is known of a group: `values` is (S, E), `ids` its E episodes, `run_ids` its S runs.

    `left_out` says of each run why it does not count; `nonfinite` counts the episodes dropped
    because a value of the group was not finite there.
    """

    group: Group
    run_ids: tuple[str, ...]
    seeds: tuple[int | None, ...]
    ids: tuple[str, ...]
    values: FloatArray
    left_out: Mapping[str, str]
    nonfinite: int
    mean: Estimate | None
    iqm: Estimate | None


@dataclass(frozen=True, eq=False)
class GroupComparison:
    """One group against the baseline's. `judgement` as of `verdict.Comparison`, with "unknown" for
    fewer than two seeds or episodes. `excluded` episodes had a value that is not finite."""

    scores: GroupScores
    judgement: Judgement
    contrast: Contrast | None
    holm_p: float | None
    excluded: tuple[str, ...]
    favours_b: bool


@dataclass(frozen=True, eq=False)
class GroupVerdict:
    """`comparisons` are in the order of the groups, without the baseline's."""

    metric: Metric
    inner_steps: Mapping[str, int]
    mismatches: tuple[Mismatch, ...]
    evaluated: tuple[str, ...]  # the runs that `mismatches` are about, in this order
    baseline: GroupScores
    comparisons: tuple[GroupComparison, ...]

    @property
    def scores(self) -> tuple[GroupScores, ...]:
        """Of every group, the baseline's first."""
        return (self.baseline, *(one.scores for one in self.comparisons))

    @property
    def tests(self) -> int:
        """How many comparisons the Holm correction is over."""
        return sum(one.holm_p is not None for one in self.comparisons)


def judge(
    groups: Sequence[Group],
    evaluations: Mapping[str, Evaluation | None],
    *,
    baseline_id: str,
    metric: Metric = "loss",
    inner_step: int | None = None,
) -> GroupVerdict:
    """Compare groups with the one that holds run `baseline_id`, by their runs' evaluations.

    How that run was evaluated is the protocol (where it was not: the first of its group that was).
    Raises Invalid for an inner step or a metric that an evaluation does not have.
    """
    present = {run_id: one for run_id, one in evaluations.items() if one is not None}
    steps = default_steps(present) if inner_step is None else dict.fromkeys(present, inner_step)
    baseline = next(one for one in groups if baseline_id in (*one.run_ids, *one.superseded))
    first = next((i for i in (baseline_id, *baseline.run_ids) if i in present), None)
    mismatches: tuple[Mismatch, ...] = ()
    outside: dict[str, str] = {}
    if first is not None:
        names = list(present)
        mismatches = tuple(protocol.check(list(present.values()), baseline=names.index(first)))
        outside = {names[i]: _forbidden(mismatches, i) for i in protocol.outsiders(mismatches)}
    tables = {
        run_id: statistics.by_episode(reading.episodes(one), steps[run_id], metric)
        for run_id, one in present.items()
        if run_id not in outside
    }
    base = _scores(baseline, tables, outside)
    others = [_scores(one, tables, outside) for one in groups if one != baseline]
    comparisons = _comparisons(base, others, tables, metric)
    return GroupVerdict(metric, steps, mismatches, tuple(present), base, comparisons)


def profiles(verdict: GroupVerdict) -> tuple[Profile | None, ...]:
    """The performance profile of every group, the baseline's first, at the same thresholds."""
    present = [one.values.ravel() for one in verdict.scores if one.values.size]
    if not present:
        return (None,) * len(verdict.scores)
    places = np.linspace(0, 1, THRESHOLDS)
    thresholds = np.unique(np.quantile(np.concatenate(present), places))
    lower = verdict.metric == "loss"
    return tuple(
        two_level.profile(one.values, thresholds, lower_is_better=lower)
        if one.values.size
        else None
        for one in verdict.scores
    )


def _forbidden(mismatches: Sequence[Mismatch], place: int) -> str:
    titles = [one.title for one in mismatches if one.forbids and place in one.outsiders]
    return f"measured otherwise: {', '.join(titles)}"


def _scores(
    group: Group, tables: Mapping[str, Mapping[str, float]], outside: Mapping[str, str]
) -> GroupScores:
    left_out = dict.fromkeys(group.superseded, "a newer run has the same seed")
    for run_id in group.run_ids:
        if run_id not in tables:
            left_out[run_id] = outside.get(run_id, "not evaluated")
    kept = [i for i, run_id in enumerate(group.run_ids) if run_id in tables]
    run_ids = tuple(group.run_ids[i] for i in kept)
    common = _common([tables[run_id] for run_id in run_ids])
    values = _array([tables[run_id] for run_id in run_ids], common)
    finite: BoolArray = np.asarray(np.isfinite(values).all(axis=0))
    ids = tuple(one for one, keeps in zip(common, finite.tolist(), strict=True) if keeps)
    values = values[:, finite]
    return GroupScores(
        group=group,
        run_ids=run_ids,
        seeds=tuple(group.seeds[i] for i in kept),
        ids=ids,
        values=values,
        left_out=left_out,
        nonfinite=int(np.count_nonzero(~finite)),
        mean=two_level.mean_of(values) if values.size else None,
        iqm=two_level.iqm_of(values) if values.size else None,
    )


def _comparisons(
    base: GroupScores,
    others: Sequence[GroupScores],
    tables: Mapping[str, Mapping[str, float]],
    metric: Metric,
) -> tuple[GroupComparison, ...]:
    found = [_contrast(base, other, tables, metric) for other in others]
    p_values = [one.p_value for one, _ in found if one and one.p_value is not None]
    corrected = iter(statistics.holm(p_values))
    comparisons = []
    for other, (contrast, excluded) in zip(others, found, strict=True):
        tested = contrast is not None and contrast.p_value is not None
        holm_p = next(corrected) if tested else None
        favours_b = contrast is not None and _sign(metric) * contrast.mean.value > 0
        winner = other if favours_b else base
        diverged = any(
            not np.isfinite(tables[run_id][one]) for run_id in winner.run_ids for one in excluded
        )
        judgement = _judgement(other, contrast, holm_p, favours_b=favours_b, diverged=diverged)
        comparisons.append(GroupComparison(other, judgement, contrast, holm_p, excluded, favours_b))
    return tuple(comparisons)


def _contrast(
    base: GroupScores,
    other: GroupScores,
    tables: Mapping[str, Mapping[str, float]],
    metric: Metric,
) -> tuple[Contrast | None, tuple[str, ...]]:
    """The contrast on the episodes that all runs of both have, and those left out of it."""
    if not base.run_ids or not other.run_ids:
        return None, ()
    paired = are_paired(base.seeds, other.seeds)
    own = _by_seed(other) if paired else other.run_ids
    of_base = _by_seed(base) if paired else base.run_ids
    common = _common([tables[run_id] for run_id in (*of_base, *own)])
    a, b = (_array([tables[i] for i in some], common) for some in (of_base, own))
    finite: BoolArray = np.asarray(np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0))
    excluded = tuple(one for one, keeps in zip(common, finite.tolist(), strict=True) if not keeps)
    if not finite.any():
        return None, excluded
    lower = metric == "loss"
    found = two_level.contrast(a[:, finite], b[:, finite], lower_is_better=lower, paired=paired)
    return found, excluded


def _judgement(
    other: GroupScores,
    contrast: Contrast | None,
    holm_p: float | None,
    *,
    favours_b: bool,
    diverged: bool,
) -> Judgement:
    if contrast is None:
        if other.run_ids:
            return "unknown"
        shut = [why for why in other.left_out.values() if why.startswith("measured otherwise")]
        return "excluded" if shut else "missing"
    if holm_p is None:
        return "unknown"
    if not contrast.mean.excludes_zero or holm_p >= ALPHA or diverged:
        return "unclear"
    return "better" if favours_b else "worse"


def _by_seed(scores: GroupScores) -> tuple[str, ...]:
    return tuple(run_id for _, run_id in sorted(zip(scores.seeds, scores.run_ids, strict=True)))


def _common(tables: Sequence[Mapping[str, float]]) -> list[str]:
    if not tables:
        return []
    return [one for one in tables[0] if all(one in table for table in tables[1:])]


def _array(tables: Sequence[Mapping[str, float]], ids: Sequence[str]) -> FloatArray:
    rows = [[table[one] for one in ids] for table in tables]
    return np.array(rows, dtype=np.float64).reshape(len(tables), len(ids))


def _sign(metric: Metric) -> int:
    return -1 if metric == "loss" else 1
