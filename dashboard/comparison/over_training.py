"""How adaptation came about in the compared runs: their validations by meta-step, and the inner
rates that they learned."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from dashboard.charts.adaptation_at import RunAt, place_at
from dashboard.comparison.selection import Compared, Selection
from dashboard.episodes.inner_rates import PREFIX
from dashboard.stops import stops
from experiments import reading
from experiments.models import Evaluation
from experiments.shapes import SeriesSummary

RATES_STOPS = 200  # of a slider, from the first recorded rate to the last


@dataclass(frozen=True)
class Validated:
    """Which compared runs were validated, and the meta-steps at which any of them was."""

    runs: tuple[Compared, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class LearnedRates:
    """Which compared runs learned inner rates, where a slider over their meta-steps stops, and the
    largest rate of all, above or below zero: the end of the colours of every heat map."""

    runs: tuple[Compared, ...]
    steps: tuple[int, ...]
    largest: float


def validated(selection: Selection) -> Validated:
    """From the evaluations called "validation"."""
    rows = Evaluation.objects.filter(run__in=selection.ids, name="validation")
    found = set(rows.values_list("run_id", "step"))
    trained = {run_id for run_id, _ in found}
    return Validated(
        tuple(one for one in selection.compared if one.run.pk in trained),
        stops(sorted({step for _, step in found})),
    )


def runs_at(selection: Selection, metric: str, step: int) -> tuple[list[RunAt], list[Compared]]:
    """The drawn runs at their last validation at or before a meta-step, and those whose first came
    later."""
    shown, later = [], []
    for one in selection.drawn:
        found = reading.over_training(one.run.pk, metric=metric)
        if not len(found.steps):
            continue
        if found.steps[0] > step:
            later.append(one)
        else:
            shown.append(RunAt(found, place_at(found, step), one.label, one.slot, one.dash))
    return shown, later


def learned_rates(selection: Selection, keys: Collection[str]) -> LearnedRates:
    """From the summaries of the series below "inner_lr/" among `keys`, those of any run."""
    wanted = [key for key in keys if key.startswith(PREFIX)]
    if not wanted:
        return LearnedRates((), (), 1.0)
    found = reading.series_summaries(selection.ids, wanted)
    known = [one for by_key in found.values() for one in by_key.values()]
    first, last = min(one.first_step for one in known), max(one.last_step for one in known)
    places = np.linspace(first, last, min(RATES_STOPS, last - first + 1))
    return LearnedRates(
        tuple(one for one in selection.compared if found[one.run.pk]),
        tuple(np.unique(places.astype(np.int64)).tolist()),
        _largest(found),
    )


def _largest(found: Mapping[str, Mapping[str, SeriesSummary]]) -> float:
    ends = [
        abs(value)
        for by_key in found.values()
        for one in by_key.values()
        for value in (one.least, one.most)
        if value is not None
    ]
    return max(ends, default=0.0) or 1.0
