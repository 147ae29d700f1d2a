"""What would make the comparison fair: the runs to evaluate again as the baseline was."""

from dataclasses import dataclass

from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Compared, Selection
from experiments.comparing import fairness
from experiments.errors import DomainError
from experiments.lifecycle import evaluating
from experiments.models import Evaluation


@dataclass(frozen=True)
class Unfair:
    """A run that was not evaluated as the baseline: what differs; if it cannot be, why."""

    compared: Compared
    lacks: tuple[str, ...]
    is_queued: bool
    why_not: str


@dataclass(frozen=True)
class Fair:
    """`episodes` and `steps` are the baseline's."""

    runs: tuple[Unfair, ...]
    episodes: int
    steps: str

    @property
    def possible(self) -> tuple[Unfair, ...]:
        """Those that can be queued now."""
        return tuple(one for one in self.runs if not one.is_queued and not one.why_not)

    @property
    def queued(self) -> tuple[Unfair, ...]:
        """Those that are on their way."""
        return tuple(one for one in self.runs if one.is_queued)

    @property
    def impossible(self) -> tuple[Unfair, ...]:
        """Those that no worker can evaluate so."""
        return tuple(one for one in self.runs if one.why_not)


def fair_of(selection: Selection, evaluated: Evaluated) -> Fair | None:
    """None where every run was evaluated as the baseline was, or the baseline was not."""
    baseline_id = selection.baseline.run.pk
    baseline = evaluated.by_run[baseline_id]
    wanting = fairness.wanting(evaluated.by_run, baseline_id=baseline_id)
    if baseline is None or not wanting:
        return None
    runs = tuple(
        _unfair(one, baseline, wanting[one.run.pk])
        for one in selection.compared
        if one.run.pk in wanting and one.run.is_finished
    )
    steps = baseline.axis.count(baseline.inner_steps)
    return Fair(runs, baseline.episode_count, steps) if runs else None


def _unfair(one: Compared, baseline: Evaluation, lacks: list[str]) -> Unfair:
    try:
        name, _ = evaluating.planned(one.run, like=baseline)
    except DomainError as error:
        return Unfair(one, tuple(lacks), False, str(error))
    if name in evaluating.pending(one.run):
        return Unfair(one, tuple(lacks), True, "")
    if Evaluation.objects.filter(run=one.run, name=name).exists():
        return Unfair(one, tuple(lacks), False, f"{name} was made so, and differs all the same.")
    return Unfair(one, tuple(lacks), False, "")
