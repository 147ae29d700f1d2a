"""The verdict by one number a run, for runs without episodes."""

from collections.abc import Collection
from dataclasses import dataclass

from dashboard.comparison.choices import choices
from dashboard.comparison.forest import Scale
from dashboard.comparison.metric_table import STATS, direction_of
from dashboard.comparison.numbers import DifferenceText, effect_text, p_text
from dashboard.comparison.selection import Compared, Selection
from dashboard.measured import Measured, measured
from dashboard.metric_names import Direction, headline, natural
from experiments import reading
from experiments.comparing import groups, sentences
from experiments.comparing.groups import By
from experiments.comparing.metrics import Stat, number_of
from experiments.comparing.value_verdict import (
    GroupValues,
    ValueComparison,
    ValueJudgement,
    ValueVerdict,
    judge,
)

WORDS: dict[ValueJudgement, str] = {
    "better": "Better",
    "worse": "Worse",
    "higher": "Higher",
    "lower": "Lower",
    "unclear": "No clear difference",
    "unknown": "Too few seeds",
    "missing": "No number",
}


@dataclass(frozen=True)
class ValueSide:
    """A group with the letter and colour of its first run, and the number of each run."""

    values: GroupValues
    compared: Compared
    mean: Measured
    deviation: str
    numbers: tuple[tuple[Compared, float], ...]
    left_out: tuple[tuple[Compared, str], ...]


@dataclass(frozen=True)
class ValueRow:
    """One comparison; x positions are on 0 to 300, None where there is no interval."""

    side: ValueSide
    comparison: ValueComparison
    word: str
    sentence: str
    floor: str
    text: DifferenceText
    p: str
    seed_p: str
    low_x: float | None
    mean_x: float | None
    high_x: float | None


@dataclass(frozen=True)
class ValueView:
    """`pair` is the comparison that the sentence is about."""

    verdict: ValueVerdict
    key: str
    keys: tuple[str, ...]
    stat: Stat
    direction: Direction
    baseline: ValueSide
    rows: tuple[ValueRow, ...]
    pair: ValueRow | None
    zero_x: float

    @property
    def sides(self) -> tuple[ValueSide, ...]:
        """Every group, the baseline's first."""
        return (self.baseline, *(row.side for row in self.rows))


def value_view(selection: Selection, keys: Collection[str], by: By) -> ValueView | None:
    """By the metric that the address names, or that speaks for the runs; None without metrics."""
    keys = sorted(keys, key=natural)
    main = selection.baseline.run.project.main_metric
    wanted = selection.controls.get("value", "")
    key = wanted if wanted in keys else headline(keys, main)
    if key is None:
        return None
    stat = selection.get("stat", STATS)
    summaries = reading.series_summaries(selection.ids, [key])
    direction = direction_of(key, selection)
    numbers = {run_id: number_of(of_run.get(key), stat)[0] for run_id, of_run in summaries.items()}
    verdict = judge(
        groups.group(selection.runs, by),
        numbers,
        baseline_id=selection.baseline.run.pk,
        direction=direction,
    )
    scale = Scale.over((one.interval.low, one.interval.high) for one in verdict.comparisons)
    baseline = _side(selection, verdict.baseline)
    rows = tuple(_row(selection, verdict, baseline, one, key, scale) for one in verdict.comparisons)
    return ValueView(
        verdict=verdict,
        key=key,
        keys=choices(keys, key),
        stat=stat,
        direction=direction,
        baseline=baseline,
        rows=rows,
        pair=_pair(selection, rows),
        zero_x=scale.x(0),
    )


def _side(selection: Selection, values: GroupValues) -> ValueSide:
    own = [one for one in selection.compared if one.run.pk in _members(values)]
    known = dict(zip(values.run_ids, values.values.tolist(), strict=True))
    low, high = values.interval.low, values.interval.high
    half = None if low is None or high is None else (high - low) / 2
    return ValueSide(
        values=values,
        compared=own[0],
        mean=measured(values.mean, half) if values.mean is not None else Measured("–"),
        deviation="" if values.deviation is None else f"{values.deviation:.3g}",
        numbers=tuple((one, known[one.run.pk]) for one in own if one.run.pk in known),
        left_out=tuple(
            (one, values.left_out[one.run.pk]) for one in own if one.run.pk in values.left_out
        ),
    )


def _members(values: GroupValues) -> tuple[str, ...]:
    return (*values.group.run_ids, *values.group.superseded)


def _pair(selection: Selection, rows: tuple[ValueRow, ...]) -> ValueRow | None:
    found = [row for row in rows if row.comparison.mean is not None]
    wanted = selection.controls.get("pair")
    asked = next((row for row in found if row.side.compared.run.pk == wanted), None)
    better = next((row for row in found if row.comparison.judgement == "better"), None)
    return asked or better or (found[0] if found else None)


def _row(
    selection: Selection,
    verdict: ValueVerdict,
    baseline: ValueSide,
    one: ValueComparison,
    key: str,
    scale: Scale,
) -> ValueRow:
    side = _side(selection, one.group)
    low, high = one.interval.low, one.interval.high
    text = DifferenceText()
    if one.mean is not None:
        text = effect_text(one.mean, low, high, "loss")
    differing = groups.differences(baseline.compared.run, side.compared.run)
    return ValueRow(
        side=side,
        comparison=one,
        word=WORDS[one.judgement],
        sentence=sentences.about_values(verdict.baseline, one, key, differing),
        floor=sentences.floor_of(one),
        text=text,
        p="" if one.holm_p is None else p_text(one.holm_p, verdict.tests),
        seed_p="" if one.seed_p is None else p_text(one.seed_p, 1),
        low_x=None if low is None else scale.x(low),
        mean_x=None if one.mean is None or low is None else scale.x(one.mean),
        high_x=None if high is None else scale.x(high),
    )
