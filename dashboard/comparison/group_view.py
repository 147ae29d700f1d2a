"""The verdict between groups of runs: a sentence, a forest table, each group's own numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.forest import Scale
from dashboard.comparison.numbers import DifferenceText, effect_text, p_text, unit_of
from dashboard.comparison.selection import Compared, Selection
from dashboard.comparison.verdict_view import WORDS
from dashboard.measured import Measured, measured
from experiments.comparing import groups, sentences
from experiments.comparing.group_verdict import GroupComparison, GroupScores, GroupVerdict, judge
from experiments.comparing.groups import By, Group
from experiments.comparing.statistics import Metric
from experiments.comparing.two_level import Estimate
from experiments.errors import Invalid

OVER: tuple[By, ...] = ("seedless", "group")
BY_TITLES: dict[By, str] = {
    "run": "each run",
    "seedless": "everything but the seed",
    "group": "group",
}


@dataclass(frozen=True)
class Side:
    """A group as the page shows it: with the letter and colour of its first run."""

    group: Group
    compared: Compared
    members: tuple[Compared, ...]
    left_out: tuple[tuple[Compared, str], ...]
    mean: Measured | None
    iqm: Measured | None
    seeds: int
    episodes: int


@dataclass(frozen=True)
class GroupRow:
    """One comparison; x positions are on 0 to 300, None where there is no interval."""

    side: Side
    comparison: GroupComparison
    word: str
    sentence: str
    floor: str
    difference: str
    interval: str
    p: str
    seed_p: str
    iqm: DifferenceText | None
    improvement: str
    low_x: float | None
    mean_x: float | None
    high_x: float | None


@dataclass(frozen=True)
class GroupView:
    """`pair` is the comparison that the sentence and the figures are about."""

    verdict: GroupVerdict
    baseline: Side
    rows: tuple[GroupRow, ...]
    pair: GroupRow | None
    zero_x: float
    ticks: tuple[tuple[float, str], ...]
    protocol: tuple[Compared, ...]  # the columns of the table of what differs
    shut_out: tuple[Compared, ...]
    unit: str  # what differences are counted in

    @property
    def sides(self) -> tuple[Side, ...]:
        """Every group, the baseline's first."""
        return (self.baseline, *(row.side for row in self.rows))

    @property
    def forbidding(self) -> list[str]:
        """Titles of the protocol fields that keep runs out."""
        return [one.title for one in self.verdict.mismatches if one.forbids]


def by_of(selection: Selection) -> By:
    """By what the address compares; what suits the runs where it does not say."""
    asked = selection.controls.get("by", "")
    return asked if asked in groups.BYS or fields_of(asked) else groups.usual(selection.runs)


def over_of(selection: Selection) -> By:
    """By what the runs of curves and boxes are put together."""
    asked = selection.controls.get("over", "")
    return asked if asked in OVER or fields_of(asked) else OVER[0]


def fields_of(by: str) -> tuple[str, ...]:
    """The fields that an address groups by; none where it names no field."""
    try:
        return groups.fields_in(by) if by else ()
    except Invalid:
        return ()


def with_fields(titles: Sequence[tuple[By, str]], by: By) -> list[tuple[By, str]]:
    """What may be grouped by, as a control lists it, and the fields grouped by now."""
    names = () if by in groups.BYS else fields_of(by)
    own = [(by, ", ".join(one.removeprefix("params.") for one in names))] if names else []
    return [*titles, *own]


def exported_query(selection: Selection, evaluated: Evaluated) -> str:
    """What the REST API is asked for the same verdict."""
    return selection.chart_query(
        runs=",".join(selection.ids),
        by=by_of(selection),
        baseline=selection.baseline.run.pk,
        evaluation=evaluated.name,
        metric=evaluated.metric,
        step="trained" if evaluated.inner_step is None else str(evaluated.inner_step),
    )


def group_view(selection: Selection, evaluated: Evaluated, by: By) -> GroupView:
    """Judge the groups. Raises Invalid for a step or metric that an evaluation lacks."""
    verdict = judge(
        groups.group(selection.runs, by),
        evaluated.by_run,
        baseline_id=selection.baseline.run.pk,
        metric=evaluated.metric,
        inner_step=evaluated.inner_step,
    )
    means = [one.contrast.mean for one in verdict.comparisons if one.contrast]
    scale = Scale.over((end, one.value) for one in means for end in (one.low, one.high))
    baseline = _side(selection, verdict.baseline, verdict.metric)
    rows = tuple(_row(selection, verdict, baseline, one, scale) for one in verdict.comparisons)
    forbidden = {
        verdict.evaluated[place]
        for one in verdict.mismatches
        if one.forbids
        for place in one.outsiders
    }
    return GroupView(
        verdict=verdict,
        baseline=baseline,
        rows=rows,
        pair=_pair(selection, rows),
        zero_x=scale.x(0),
        ticks=scale.ticks(verdict.metric),
        protocol=_compared(selection, verdict.evaluated),
        shut_out=tuple(one for one in selection.compared if one.run.pk in forbidden),
        unit=unit_of(verdict.metric, evaluated.axis),
    )


def estimate_text(found: Estimate | None, metric: Metric) -> Measured | None:
    """A group's own number with the half width of its interval."""
    if found is None:
        return None
    half = None if found.low is None or found.high is None else (found.high - found.low) / 2
    return measured(found.value, half, metric)


def _compared(selection: Selection, run_ids: tuple[str, ...]) -> tuple[Compared, ...]:
    return tuple(one for run_id in run_ids if (one := selection.by_id(run_id)) is not None)


def _side(selection: Selection, scores: GroupScores, metric: Metric) -> Side:
    own = _compared(selection, (*scores.group.run_ids, *scores.group.superseded))
    left_out: Mapping[str, str] = scores.left_out
    return Side(
        group=scores.group,
        compared=min(own, key=selection.compared.index),
        members=tuple(one for one in own if one.run.pk in scores.run_ids),
        left_out=tuple((one, left_out[one.run.pk]) for one in own if one.run.pk in left_out),
        mean=estimate_text(scores.mean, metric),
        iqm=estimate_text(scores.iqm, metric),
        seeds=len(scores.run_ids),
        episodes=len(scores.ids),
    )


def _pair(selection: Selection, rows: tuple[GroupRow, ...]) -> GroupRow | None:
    """The row asked for; else the clearly best one, else the first that was compared."""
    compared = [row for row in rows if row.comparison.contrast is not None]
    wanted = selection.controls.get("pair")
    asked = next((row for row in compared if row.side.compared.run.pk == wanted), None)
    better = [row for row in compared if row.comparison.judgement == "better"]
    best = max(better, key=_size, default=None)
    return asked or best or (compared[0] if compared else None)


def _size(row: GroupRow) -> float:
    contrast = row.comparison.contrast
    return abs(contrast.mean.value) if contrast else 0.0


def _row(
    selection: Selection,
    verdict: GroupVerdict,
    baseline: Side,
    one: GroupComparison,
    scale: Scale,
) -> GroupRow:
    side = _side(selection, one.scores, verdict.metric)
    contrast, metric = one.contrast, verdict.metric
    mean = contrast.mean if contrast else None
    text = DifferenceText() if mean is None else _text(mean, metric)
    return GroupRow(
        side=side,
        comparison=one,
        word=_word(one),
        sentence=sentences.about_groups(
            verdict, one, groups.differences(baseline.compared.run, side.compared.run)
        ),
        floor=sentences.floor_of(contrast) if contrast else "",
        difference=text.signed,
        interval=text.interval,
        p="" if one.holm_p is None else p_text(one.holm_p, verdict.tests),
        seed_p=p_text(contrast.seed_p, 1) if contrast and contrast.seed_p is not None else "",
        iqm=_text(contrast.iqm, metric) if contrast else None,
        improvement=_chance(contrast.improvement) if contrast else "",
        low_x=None if mean is None or mean.low is None else scale.x(mean.low),
        mean_x=None if mean is None else scale.x(mean.value),
        high_x=None if mean is None or mean.high is None else scale.x(mean.high),
    )


def _word(one: GroupComparison) -> str:
    contrast = one.contrast
    few = contrast is not None and min(contrast.seeds) < 2
    return "Too few seeds" if few and one.judgement == "unknown" else WORDS[one.judgement]


def _text(found: Estimate, metric: Metric) -> DifferenceText:
    text = effect_text(found.value, found.low, found.high, metric)
    return text if found.low is not None else replace(text, interval="no interval")


def _chance(found: Estimate) -> str:
    """ "71 % [52, 85]" """
    if found.low is None or found.high is None:
        return f"{100 * found.value:.0f} %, no interval"
    return f"{100 * found.value:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"
