"""Figures of learned optimizers beside hand-made ones, of one run and of compared runs."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts import theme
from dashboard.charts.adaptation import AdaptationLine, adaptation_figure
from dashboard.comparison.evaluations import evaluated
from dashboard.comparison.optimizers import compared_lines
from dashboard.comparison.selection import selection_of
from dashboard.episodes.optimizer_race import race_lines, race_of
from dashboard.requests import SignedIn
from dashboard.scope import run_of
from dashboard.views.chart_answer import LegendEntry, chart_answer

STEP_TITLE = "optimizer step"


@require_safe
def of_run(request: SignedIn, run_id: str) -> HttpResponse:
    """The loss by optimizer step of a run's learned optimizer and of its opponents."""
    run = run_of(request, run_id)
    race = race_of(run)
    if race is None:
        sentence = "No hand-made optimizer was tried in this run."
        return chart_answer(None, empty=sentence, live=not run.is_finished)
    return _answer(race_lines(race, run.color_slot), live=False)


@require_safe
def compared(request: SignedIn) -> HttpResponse:
    """`?runs=a,b`: the same of compared runs, hand-made optimizers of the first that tried them."""
    selection = selection_of(request, documents=False)
    lines = compared_lines(selection, evaluated(selection))
    if not lines:
        sentence = "No run shown has tried hand-made optimizers yet."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    return _answer(lines, live=selection.is_live)


def _answer(lines: Sequence[AdaptationLine], *, live: bool) -> HttpResponse:
    counts = {line.curve.episode_count for line in lines}
    note = f"Mean loss with its 95 % t interval over N = {min(counts)}"
    note += f" to {max(counts)} problems." if len(counts) > 1 else " problems."
    note += " Dashed upright: the horizon trained, or tuned, for."
    diverged = [line.name for line in lines if int(line.curve.nonfinite.max())]
    if diverged:
        note += f" Not finite on some problems, which are left out: {', '.join(diverged)}."
    figure = adaptation_figure(lines, step_title=STEP_TITLE)
    legend = [LegendEntry(one.name, theme.run_color(one.slot), one.dash) for one in lines]
    return chart_answer(figure, live=live, note=note, legend=legend)
