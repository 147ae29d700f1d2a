"""The verdict in words and marks: a sentence, a forest table, what was not compared and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.forest import Scale
from dashboard.comparison.numbers import difference_text, p_text, unit_of
from dashboard.comparison.selection import Compared, Selection
from dashboard.measured import MISSING, Measured, at_step
from experiments.axes import EpisodeAxis
from experiments.comparing import groups, sentences
from experiments.comparing.statistics import PairedDifference
from experiments.comparing.verdict import Comparison, Judgement, Verdict, judge

WORDS: dict[Judgement, str] = {
    "better": "Better",
    "worse": "Worse",
    "unclear": "No clear difference",
    "unknown": "Too few episodes",
    "excluded": "Not comparable",
    "missing": "Not evaluated",
}
IDENTICAL = "Identical"


@dataclass(frozen=True)
class ForestRow:
    """One comparison; x positions are on 0 to 300, None where there is no interval."""

    compared: Compared
    comparison: Comparison
    word: str
    difference: str
    size: str  # without its sign
    interval: str
    p: str
    low_x: float | None
    mean_x: float | None
    high_x: float | None
    steps: str
    left_out: str
    differing: str  # what else differs between the two

    @property
    def paired(self) -> PairedDifference | None:
        return self.comparison.paired


@dataclass(frozen=True)
class VerdictView:
    """`pair` is the comparison that the sentence and the histogram are about."""

    verdict: Verdict
    rows: tuple[ForestRow, ...]
    pair: ForestRow | None
    zero_x: float
    ticks: tuple[tuple[float, str], ...]  # percent from the left, text
    without: tuple[Compared, ...]  # runs that lack the evaluation
    lines: tuple["Standing", ...]
    unit: str  # what differences are counted in

    @property
    def forbidding(self) -> list[str]:
        """Titles of the protocol fields that keep runs out."""
        return [one.title for one in self.verdict.mismatches if one.forbids]

    @property
    def shut_out(self) -> list[Compared]:
        """The runs that were not measured as the baseline was."""
        return [row.compared for row in self.rows if row.comparison.judgement == "excluded"]


@dataclass(frozen=True)
class Standing:
    """A run's own number at the top of the page."""

    compared: Compared
    value: Measured
    under: str
    is_evaluated: bool
    is_shut_out: bool


def verdict_view(selection: Selection, evaluated: Evaluated) -> VerdictView:
    """Judge the selection. Raises Invalid for a step or metric that an evaluation lacks."""
    verdict = judge(
        evaluated.by_run,
        baseline_id=selection.baseline.run.pk,
        metric=evaluated.metric,
        inner_step=evaluated.inner_step,
        interval=evaluated.interval,
    )
    scale = Scale.over(
        (one.paired.interval.low, one.paired.interval.high)
        for one in verdict.comparisons
        if one.paired
    )
    axes = {run_id: one.axis for run_id, one in evaluated.present.items()}
    rows = tuple(_row(selection, verdict, one, scale, axes) for one in verdict.comparisons)
    outside = {one.run_id for one in verdict.comparisons if one.judgement == "excluded"}
    return VerdictView(
        verdict=verdict,
        rows=rows,
        pair=_pair(selection, rows),
        zero_x=scale.x(0),
        ticks=scale.ticks(verdict.metric),
        without=tuple(one for one in selection.compared if evaluated.by_run[one.run.pk] is None),
        lines=tuple(_standing(one, evaluated, outside) for one in selection.compared),
        unit=unit_of(verdict.metric, evaluated.axis),
    )


def _pair(selection: Selection, rows: tuple[ForestRow, ...]) -> ForestRow | None:
    """The row asked for; else the clearly best one, else the first that was compared."""
    compared = [row for row in rows if row.paired is not None and row.paired.mean is not None]
    wanted = selection.controls.get("pair")
    asked = next((row for row in compared if row.compared.run.pk == wanted), None)
    better = [row for row in compared if row.comparison.judgement == "better"]
    best = max(better, key=lambda row: abs(_mean(row)), default=None)
    return asked or best or (compared[0] if compared else None)


def _mean(row: ForestRow) -> float:
    return row.paired.mean or 0.0 if row.paired else 0.0


def _row(
    selection: Selection,
    verdict: Verdict,
    one: Comparison,
    scale: Scale,
    axes: Mapping[str, EpisodeAxis],
) -> ForestRow:
    compared = selection.by_id(one.run_id)
    assert compared is not None
    paired = one.paired
    low, mean, high = (
        (paired.interval.low, paired.mean, paired.interval.high) if paired else (None, None, None)
    )
    text = difference_text(paired)
    return ForestRow(
        compared=compared,
        comparison=one,
        word=IDENTICAL if one.is_identical else WORDS[one.judgement],
        difference=text.signed,
        size=text.size,
        interval=text.interval,
        p="" if one.holm_p is None else p_text(one.holm_p, verdict.tests),
        low_x=None if low is None else scale.x(low),
        mean_x=None if mean is None else scale.x(mean),
        high_x=None if high is None else scale.x(high),
        steps=_steps_text(paired, axes.get(verdict.baseline_id), axes.get(one.run_id)),
        left_out=_left_out(paired),
        differing=sentences.some(groups.differences(selection.baseline.run, compared.run)),
    )


def _steps_text(
    paired: PairedDifference | None, base_axis: EpisodeAxis | None, own_axis: EpisodeAxis | None
) -> str:
    """ "step 5", "10 pulls", "10 examples seen against step 1"."""
    if paired is None or base_axis is None or own_axis is None:
        return ""
    base, own = paired.inner_steps
    at_base, at_own = base_axis.place(base), own_axis.place(own)
    return at_own if at_base == at_own else f"{at_own} against {at_base}"


def _left_out(paired: PairedDifference | None) -> str:
    """Common episodes without a finite value, by name."""
    if paired is None or not paired.excluded:
        return ""
    named = ", ".join(paired.excluded[:3])
    more = len(paired.excluded) - 3
    text = f"{len(paired.excluded)} not finite, left out: {named}"
    if more > 0:
        text += f" and {more} more"
    if paired.favours_a_diverged_run:
        text += "; the run ahead diverged on some of them, so it is not called better"
    return text


def _standing(compared: Compared, evaluated: Evaluated, outside: set[str]) -> Standing:
    """The run's mean with its 95 % t interval, as stored with the evaluation."""
    one = evaluated.by_run[compared.run.pk]
    if one is None:
        return Standing(compared, MISSING, f"no {evaluated.name} evaluation", False, False)
    step = evaluated.steps[compared.run.pk]
    return Standing(
        compared=compared,
        value=at_step(one.summary.get(evaluated.metric), step, evaluated.metric),
        under=f"{one.axis.after(step)}, 95 % t interval, N = {one.episode_count} episodes",
        is_evaluated=True,
        is_shut_out=compared.run.pk in outside,
    )
