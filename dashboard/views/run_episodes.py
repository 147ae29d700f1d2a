"""Figures of a run's evaluations beyond their means: its episodes, and how they changed over
meta-training."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts.adaptation_at import adaptation_at, place_at
from dashboard.charts.episode_adaptation import EpisodeLine, episode_adaptation
from dashboard.charts.episode_histogram import episode_histogram
from dashboard.charts.episode_predictions import fit_figure, fit_of
from dashboard.charts.generalization_gap import GapLine, gap_figure
from dashboard.charts.over_training import bounds_of, kept_columns, over_training_heat
from dashboard.episodes.inner_rates import inner_rates, largest_rate, moment, rates_figure
from dashboard.episodes.opened import place_of, wanted_place
from dashboard.episodes.query import EpisodesQuery
from dashboard.episodes.tables import spread_of_episodes
from dashboard.requests import SignedIn
from dashboard.scope import LAST_STEP, number_in, run_of
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments import reading
from experiments.errors import NotFound

GAP_DASHES = {"validation": "solid", "test": "6px,3px"}


@require_safe
def histogram(request: SignedIn, run_id: str) -> HttpResponse:
    """`?evaluation=ID&of=loss|accuracy&k=1`: how the episodes are spread after k inner steps."""
    run = run_of(request, run_id)
    query = EpisodesQuery.of(request, run)
    spread = spread_of_episodes(query)
    if spread is None:
        return chart_answer(None, empty=f"No episode has a finite {query.metric} here.")
    note = f"N = {spread.episodes} episodes. Line: mean; band: its 95 % t interval; dashed: median."
    if spread.left_out:
        note += f" {spread.left_out} not finite, left out."
    return chart_answer(episode_histogram(spread, slot=run.color_slot), note=note)


@require_safe
def over_training(request: SignedIn, run_id: str) -> HttpResponse:
    """`?of=loss|accuracy`: the mean of each validation by meta-step and inner step."""
    run = run_of(request, run_id)
    found = reading.over_training(run.pk, metric=_metric(request))
    if not len(found.steps):
        sentence = "No validation yet: it comes every so many meta-steps of the spec."
        return chart_answer(None, empty=sentence, live=not run.is_finished)
    drawn = len(kept_columns(found))
    note = f"Mean over N = {int(found.counts.max())} validation episodes at {drawn:,} meta-steps"
    if drawn < len(found.steps):
        note += f" of {len(found.steps):,}"
    note += f"; dashed: {found.axis.trained}."
    figure = over_training_heat(found, bounds=bounds_of(found))
    return chart_answer(figure, live=not run.is_finished, note=note)


@require_safe
def at_step(request: SignedIn, run_id: str) -> HttpResponse:
    """`?of=loss|accuracy&at=5000`: the adaptation curve of the validation at or before it."""
    run = run_of(request, run_id)
    found = reading.over_training(run.pk, metric=_metric(request))
    if not len(found.steps):
        return chart_answer(None, empty="No validation yet.", live=not run.is_finished)
    at = number_in(request, "at", default=LAST_STEP, least=0, most=LAST_STEP)
    place = place_at(found, at)
    note = (
        f"Validation at meta-step {found.steps[place]:,}: mean and 95 % t interval over "
        f"N = {int(found.counts[place].max())} episodes. Dashed: first and last."
    )
    return chart_answer(adaptation_at(found, place, slot=run.color_slot), note=note)


@require_safe
def rates(request: SignedIn, run_id: str) -> HttpResponse:
    """`?rates_at=5000`: learned inner rates at or before that meta-step."""
    run = run_of(request, run_id)
    found = inner_rates(run.pk)
    if found is None:
        return chart_answer(None, empty="No rates were learned.", live=not run.is_finished)
    at = number_in(request, "rates_at", default=LAST_STEP, least=0, most=LAST_STEP)
    figure, note = rates_figure(found, moment(found, at), largest=largest_rate(found))
    return chart_answer(figure, live=not run.is_finished, note=note)


@require_safe
def gap(request: SignedIn, run_id: str) -> HttpResponse:
    """`?of=loss|accuracy&k=1`: validation and test less the training split, by meta-step."""
    run = run_of(request, run_id)
    step = number_in(request, "k", default=-1, least=0, most=1000)
    found = reading.gaps(run.pk, metric=_metric(request), inner_step=None if step < 0 else step)
    lines = [
        GapLine(one, f"{one.name} − train", run.color_slot, GAP_DASHES[one.name]) for one in found
    ]
    if not lines:
        sentence = "The training split was not evaluated beside validation or test in this run."
        return chart_answer(None, empty=sentence, live=not run.is_finished)
    side = "Above" if found[0].metric == "loss" else "Below"
    note = (
        f"{found[0].axis.after(found[0].inner_step).capitalize()}, same parameters; Welch's 95 % t "
        f"interval over the episodes of both. {side} 0: worse on episodes it was not trained on."
    )
    legend = [LegendEntry(one.name, f"var(--run-{one.slot})", one.dash) for one in lines]
    return chart_answer(gap_figure(lines), live=not run.is_finished, note=note, legend=legend)


@require_safe
def episode(request: SignedIn, run_id: str) -> HttpResponse:
    """`?evaluation=ID&of=loss&episode=ID`: one episode by inner step, amid all of them."""
    run = run_of(request, run_id)
    query = EpisodesQuery.of(request, run)
    values = query.table[place_of(query, request.GET.get("episode", ""))]
    line = EpisodeLine(values, query.table, "this episode", run.color_slot)
    note = (
        f"Bands: the middle 50 % and 90 % of all N = {len(query.table)} episodes; dashed: median."
    )
    return chart_answer(episode_adaptation([line], metric=query.metric, axis=query.axis), note=note)


@require_safe
def fit(request: SignedIn, run_id: str) -> HttpResponse:
    """`?evaluation=ID&episode=ID&k=1`: the fit to one regression episode after k inner steps."""
    run = run_of(request, run_id)
    query = EpisodesQuery.of(request, run)
    episode_id = request.GET.get("episode", "")
    found = fit_of(reading.answers(query.evaluation, episode_id))
    if found is None:
        raise NotFound(f"No predictions are kept of the episode {episode_id[:80]}.")
    place = wanted_place(found.inner_steps, query.inner_step)
    return chart_answer(fit_figure(found, place=place))


def _metric(request: SignedIn) -> str:
    return "accuracy" if request.GET.get("of") == "accuracy" else "loss"
