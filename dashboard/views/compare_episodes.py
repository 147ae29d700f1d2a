"""Figures of the compare page about single episodes and about meta-training, as JSON."""

import numpy as np
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts.adaptation_at import adaptations_at
from dashboard.charts.episode_scatter import episode_scatter
from dashboard.charts.episode_shares import EpisodeValues, episode_shares
from dashboard.charts.generalization_gap import GapLine, gap_figure
from dashboard.charts.learning_curves import FEW
from dashboard.charts.over_training import bounds_of, over_training_heat
from dashboard.comparison.episodes import against_baseline, values_at
from dashboard.comparison.evaluations import evaluated
from dashboard.comparison.over_training import learned_rates, runs_at
from dashboard.comparison.selection import selection_of
from dashboard.episodes.inner_rates import inner_rates, moment, rates_figure
from dashboard.requests import SignedIn
from dashboard.scope import LAST_STEP, number_in
from dashboard.templatetags.formats import plural
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments import reading


@require_safe
def shares(request: SignedIn) -> HttpResponse:
    """`?runs=a,b`: the share of each run's episodes up to each loss or accuracy."""
    selection = selection_of(request, documents=False)
    found = evaluated(selection)
    lines, left_out = [], 0
    for one in selection.drawn:
        evaluation = found.by_run[one.run.pk]
        if evaluation is None:
            continue
        values = values_at(evaluation, found.metric, found.steps[one.run.pk])[1]
        known = values[np.isfinite(values)]
        left_out += len(values) - len(known)
        if len(known):
            lines.append(EpisodeValues(known, one.label, one.slot, one.dash))
    if not lines:
        sentence = f"No run shown has a {found.name} evaluation yet."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    note = "Share of the episodes at most so far; N is in each hover text."
    if left_out:
        note += f" {plural(left_out, 'episode')} not finite, left out."
    figure = episode_shares(lines, metric=found.metric)
    return chart_answer(figure, live=selection.is_live, note=note)


@require_safe
def scatter(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&pair=b`: the baseline against another run, episode by episode."""
    selection = selection_of(request, documents=False)
    found = evaluated(selection)
    against = against_baseline(selection, found)
    if against is None:
        sentence = "No two of these runs have an episode in common."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    pairs = against.pairs
    sides = zip((against.a, against.b), against.steps, strict=True)
    a_scored, b_scored = (found.present[one.run.pk].axis.after(step) for one, step in sides)
    note = (
        f"N = {against.count} common episodes, {against.a.letter} {a_scored}, "
        f"{against.b.letter} {b_scored}. On the line both do as well; "
        f"{'below' if pairs.metric == 'loss' else 'above'} it {against.b.letter} is better."
    )
    looks = ((against.a, "better"), (against.b, "better"))
    legend = [LegendEntry(f"{one.letter} {word}", f"var(--run-{one.slot})") for one, word in looks]
    return chart_answer(episode_scatter(pairs), live=selection.is_live, note=note, legend=legend)


@require_safe
def gap(request: SignedIn) -> HttpResponse:
    """`?runs=a,b`: validation and test less the training split, by meta-step, of every run."""
    selection = selection_of(request, documents=False)
    found = evaluated(selection)
    lines = [
        GapLine(gap, f"{one.label}, {gap.name} − train", one.slot, one.dash)
        for one in selection.drawn
        for gap in reading.gaps(one.run.pk, metric=found.metric, inner_step=found.inner_step)
    ]
    if not lines:
        sentence = "No run shown was evaluated on its training split beside validation or test."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    side = "Above" if found.metric == "loss" else "Below"
    note = (
        "Lines: validation less training split; diamonds: test less training split, each at the "
        "same parameters, with Welch's 95 % t interval over the episodes of both. "
        f"{side} 0: worse on episodes it was not trained on."
    )
    return chart_answer(gap_figure(lines), live=selection.is_live, note=note)


@require_safe
def at_step(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&at=5000`: every run's validation at or before a meta-step, by inner step."""
    selection = selection_of(request, documents=False)
    at = number_in(request, "at", default=LAST_STEP, least=0, most=LAST_STEP)
    shown, later = runs_at(selection, evaluated(selection).metric, at)
    if not shown:
        sentence = "No run shown was validated by then." if later else "No validation yet."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    note = "Mean and 95 % t interval over the validation episodes of each run"
    if len(shown) <= FEW:
        at_steps = ", ".join(f"{run.name.split(' ')[0]} {run.step:,}" for run in shown)
        note += f", at meta-step: {at_steps}"
    note += "."
    if later:
        note += f" Validated later only: {', '.join(one.letter for one in later)}."
    return chart_answer(adaptations_at(shown), live=selection.is_live, note=note)


@require_safe
def over_training(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&run=a`: one run's validations by meta-step and inner step. Colours mean the same
    for all compared runs."""
    selection = selection_of(request, documents=False)
    metric = evaluated(selection).metric
    found = {
        one.run.pk: reading.over_training(one.run.pk, metric=metric) for one in selection.compared
    }
    mine = found.get(request.GET.get("run", ""))
    if mine is None or not len(mine.steps):
        return chart_answer(None, empty="This run was not validated.", live=selection.is_live)
    note = f"Mean over N = {int(mine.counts.max())} validation episodes. Same colours for all runs."
    bounds = bounds_of(*(one for one in found.values() if len(one.steps)))
    return chart_answer(over_training_heat(mine, bounds=bounds), live=selection.is_live, note=note)


@require_safe
def rates(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&run=a&rates_at=5000`: one run's learned inner rates at or before a meta-step.
    Colours mean the same for all compared runs."""
    selection = selection_of(request, documents=False)
    at = number_in(request, "rates_at", default=LAST_STEP, least=0, most=LAST_STEP)
    one = selection.by_id(request.GET.get("run", ""))
    found = inner_rates(one.run.pk) if one else None
    if found is None:
        return chart_answer(None, empty="This run learned no rates.", live=selection.is_live)
    largest = learned_rates(selection, reading.keys_of_any(selection.ids)).largest
    figure, note = rates_figure(found, moment(found, at), largest=largest)
    note += " Same colours for all runs."
    return chart_answer(figure, live=selection.is_live, note=note)
