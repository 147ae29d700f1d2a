"""Is a run better than the baseline? Evaluations in, one judgement per run out.

Each other run is paired with the baseline on common episodes, unless the protocols forbid it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from experiments import reading
from experiments.comparing import protocol, statistics
from experiments.comparing.protocol import Mismatch
from experiments.comparing.statistics import IntervalMethod, Metric, PairedDifference
from experiments.models import Evaluation
from experiments.shapes import Episodes

Judgement = Literal["better", "worse", "unclear", "unknown", "excluded", "missing"]

ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class Comparison:
    """One run against the baseline. `holm_p` is corrected over all comparisons made.

    `judgement`: "better" and "worse" need an interval without 0, a corrected p below 0.05, and a
    winner with a finite value on every common episode;
    "unclear" is everything else that could be computed; "unknown" had fewer than two common
    episodes; "excluded" has another protocol; "missing" has no such evaluation.
    """

    run_id: str
    judgement: Judgement
    paired: PairedDifference | None
    holm_p: float | None

    @property
    def is_identical(self) -> bool:
        """Unclear because both runs had the very same value on every episode."""
        return self.judgement == "unclear" and self.paired is not None and self.paired.is_identical


@dataclass(frozen=True, eq=False)
class Verdict:
    """`comparisons` are in the order of the runs, without the baseline's. `inner_steps` says after
    how many steps each evaluated run was scored."""

    metric: Metric
    baseline_id: str
    inner_steps: Mapping[str, int]
    mismatches: tuple[Mismatch, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def tests(self) -> int:
        """How many comparisons the Holm correction is over."""
        return sum(one.holm_p is not None for one in self.comparisons)


def judge(
    evaluations: Mapping[str, Evaluation | None],
    *,
    baseline_id: str,
    metric: Metric = "loss",
    inner_step: int | None = None,
    interval: IntervalMethod = "t",
) -> Verdict:
    """Compare runs (id to evaluation, None where there is none) with the one called baseline.

    `inner_step` None: each run after the steps it was trained with (`default_steps`).
    Raises Invalid for an inner step or a metric that an evaluation does not have.
    """
    present = {run_id: one for run_id, one in evaluations.items() if one is not None}
    steps = default_steps(present) if inner_step is None else dict.fromkeys(present, inner_step)
    mismatches: tuple[Mismatch, ...] = ()
    outside: set[str] = set()
    if baseline_id in present:
        names = list(present)
        found = protocol.check(list(present.values()), baseline=names.index(baseline_id))
        outside = {names[place] for place in protocol.outsiders(found)}
        mismatches = tuple(found)
    paired = _pair(present, baseline_id, outside, steps, metric, interval)
    comparisons = _comparisons([i for i in evaluations if i != baseline_id], paired, outside)
    return Verdict(metric, baseline_id, steps, mismatches, comparisons)


def default_steps(evaluations: Mapping[str, Evaluation]) -> dict[str, int]:
    """The inner steps each was trained with; without any (a baseline), the fewest of the others'.

    Never more than were evaluated. With no trained steps anywhere: the last step evaluated.
    """
    trained = {run_id: trained_steps(one) for run_id, one in evaluations.items()}
    fallback = min((steps for steps in trained.values() if steps), default=None)
    return {
        run_id: min(trained[run_id] or fallback or one.inner_steps, one.inner_steps)
        for run_id, one in evaluations.items()
    }


def trained_steps(evaluation: Evaluation) -> int | None:
    """How many inner steps meta-training made; None where it made none or did not say."""
    steps = evaluation.protocol.get("inner_steps_trained")
    return steps if isinstance(steps, int) and steps > 0 else None


def _pair(
    present: Mapping[str, Evaluation],
    baseline_id: str,
    outside: set[str],
    steps: Mapping[str, int],
    metric: Metric,
    interval: IntervalMethod,
) -> dict[str, PairedDifference]:
    if baseline_id not in present:
        return {}
    decoded: dict[str, Episodes] = {
        run_id: reading.episodes(one) for run_id, one in present.items() if run_id not in outside
    }
    base = decoded[baseline_id]
    return {
        run_id: statistics.paired(
            base,
            other,
            inner_step=(steps[baseline_id], steps[run_id]),
            metric=metric,
            interval=interval,
        )
        for run_id, other in decoded.items()
        if run_id != baseline_id
    }


def _comparisons(
    run_ids: Sequence[str], paired: Mapping[str, PairedDifference], outside: set[str]
) -> tuple[Comparison, ...]:
    tested = {i: one.p_value for i, one in paired.items() if one.p_value is not None}
    corrected = dict(zip(tested, statistics.holm(list(tested.values())), strict=True))
    return tuple(
        Comparison(
            run_id=run_id,
            judgement=_judgement(paired.get(run_id), corrected.get(run_id), run_id in outside),
            paired=paired.get(run_id),
            holm_p=corrected.get(run_id),
        )
        for run_id in run_ids
    )


def _judgement(found: PairedDifference | None, holm_p: float | None, is_outside: bool) -> Judgement:
    if found is None:
        return "excluded" if is_outside else "missing"
    if holm_p is None:
        return "unknown"
    if not found.interval.excludes_zero or holm_p >= ALPHA or found.favours_a_diverged_run:
        return "unclear"
    return "better" if found.favours_b else "worse"
