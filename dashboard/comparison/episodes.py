"""The compared runs episode by episode: common episodes, A against B, where they differ most."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.urls import reverse

from dashboard.charts.episode_scatter import EpisodePairs
from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Compared, Selection
from dashboard.episodes.ranking import value_text
from dashboard.templatetags.formats import plural
from experiments import columns, reading
from experiments.models import Evaluation
from experiments.shapes import FloatArray

MOST_DIFFERENT = 10


@dataclass(frozen=True)
class DifferentRow:
    """An episode on which two runs differ: both values, and the pages of both."""

    id: str
    a: str
    b: str
    winner: str  # a letter
    a_href: str
    b_href: str


@dataclass(frozen=True, eq=False)
class AgainstBaseline:
    """The baseline (A) and another run (B) on the episodes both have finite values for."""

    a: Compared
    b: Compared
    pairs: EpisodePairs
    steps: tuple[int, int]

    @property
    def count(self) -> int:
        return len(self.pairs.ids)


def values_at(evaluation: Evaluation, metric: str, step: int) -> tuple[tuple[str, ...], FloatArray]:
    """Ids and values of all episodes after an inner step."""
    found = reading.episodes(evaluation)
    table = found.losses if metric == "loss" or found.accuracies is None else found.accuracies
    return found.ids, table[:, min(step, evaluation.inner_steps)]


def against_baseline(selection: Selection, found: Evaluated) -> AgainstBaseline | None:
    """The pair that the address names, else the first that shares episodes; None without one."""
    a = selection.baseline
    asked = selection.controls.get("pair")
    others = sorted(selection.others, key=lambda one: one.run.pk != asked)
    if found.by_run[a.run.pk] is None:
        return None
    return next((pair for b in others if (pair := _pair(a, b, found)) is not None), None)


def _pair(a: Compared, b: Compared, found: Evaluated) -> AgainstBaseline | None:
    first, second = found.by_run[a.run.pk], found.by_run[b.run.pk]
    if first is None or second is None:
        return None
    steps = (found.steps[a.run.pk], found.steps[b.run.pk])
    ids, values = values_at(first, found.metric, steps[0])
    other = dict(zip(*values_at(second, found.metric, steps[1]), strict=True))
    common = [
        (episode, value, other[episode])
        for episode, value in zip(ids, values.tolist(), strict=True)
        if episode in other and np.isfinite(value) and np.isfinite(other[episode])
    ]
    if not common:
        return None
    names, a_values, b_values = zip(*common, strict=True)
    pairs = EpisodePairs(
        metric=found.metric,
        ids=names,
        a=np.array(a_values),
        b=np.array(b_values),
        names=(a.label, b.label),
        slots=(a.slot, b.slot),
    )
    return AgainstBaseline(a, b, pairs, steps)


def most_different(against: AgainstBaseline, found: Evaluated) -> list[DifferentRow]:
    """The episodes on which the two differ most, the largest difference first."""
    pairs = against.pairs
    difference = pairs.b - pairs.a
    b_wins = difference < 0 if pairs.metric == "loss" else difference > 0
    order = np.argsort(-np.abs(difference), kind="stable")
    return [
        DifferentRow(
            id=pairs.ids[place],
            a=value_text(float(pairs.a[place]), pairs.metric),
            b=value_text(float(pairs.b[place]), pairs.metric),
            winner=against.b.letter if b_wins[place] else against.a.letter,
            a_href=episode_page(against.a, found, against.steps[0]) + pairs.ids[place],
            b_href=episode_page(against.b, found, against.steps[1]) + pairs.ids[place],
        )
        for place in order[:MOST_DIFFERENT].tolist()
        if difference[place] != 0
    ]


def episode_page(one: Compared, found: Evaluated, step: int) -> str:
    """The page of an episode of a run's evaluation, all but the episode's id."""
    page = reverse("run_episode", args=[one.run.pk])
    evaluation = found.present[one.run.pk]
    return f"{page}?evaluation={evaluation.pk}&of={found.metric}&k={step}&episode="


def common_note(evaluations: Sequence[Evaluation]) -> str:
    """Whether the runs met the same episodes: what a reader must know before comparing means."""
    if len(evaluations) < 2:
        return ""
    sets = [set(json.loads(columns.decompress(one.episode_ids))) for one in evaluations]
    common = set.intersection(*sets)
    if all(one == common for one in sets):
        return f"All on the same {plural(len(common), 'episode')}."
    if not common:
        return "No episode is common to all: the means are of different episodes."
    return f"{plural(len(common), 'episode')} common to all; the means are of each run's own."
