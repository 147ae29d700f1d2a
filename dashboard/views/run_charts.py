"""Figures of one run, as JSON."""

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from dashboard.chart_query import ChartQuery
from dashboard.charts.adaptation import AdaptationLine, adaptation_figure
from dashboard.charts.learning_curves import Curve, drawn_note, learning_curves
from dashboard.charts.sinusoid_fits import fit_look, fit_name, sinusoid_figure, sinusoid_fits
from dashboard.comment_rows import marks_of
from dashboard.metric_names import inner_step
from dashboard.requests import SignedIn
from dashboard.scope import number_in, run_of
from dashboard.views.chart_answer import LegendEntry, chart_answer, points_answer
from experiments import reading
from experiments.errors import NotFound
from experiments.models import Evaluation, Run
from experiments.shapes import SeriesView

MOST_KEYS = 20
FAMILY_COLORS = ("seq-2", "seq-3", "seq-4", "seq-5")
FAMILY_DASHES = ("2px,2px", "6px,3px", "solid", "solid")


@require_safe
def curve(request: SignedIn, run_id: str) -> HttpResponse:
    """The series `?key=a&key=b`, drawn as `ChartQuery` says."""
    run = run_of(request, run_id)
    keys = request.GET.getlist("key")[:MOST_KEYS]
    query = ChartQuery.of(request)
    views = query.read([run.pk], keys)
    curves = _curves(run, views)
    empty = None if any(len(view.x) for view in views) else _nothing(run, keys)
    figure = learning_curves(curves, query.look)
    if query.axis == "step":
        figure["data"] += [mark.to_plotly_json() for mark in marks_of(run, views)]
    return chart_answer(
        figure,
        empty=empty,
        live=not run.is_finished,
        note=drawn_note(views, query.look),
        legend=[LegendEntry(c.name, f"var(--{c.color})", c.dash) for c in curves]
        if len(curves) > 1
        else (),
    )


@require_safe
def points(request: SignedIn, run_id: str) -> StreamingHttpResponse:
    """Every logged point of the series `?key=a&key=b` as CSV."""
    run = run_of(request, run_id)
    return points_answer([run], request.GET.getlist("key")[:MOST_KEYS])


def _curves(run: Run, views: list[SeriesView]) -> list[Curve]:
    if len(views) == 1:
        return [Curve(views[0], views[0].key, f"run-{run.color_slot}")]
    shift = max(0, len(FAMILY_COLORS) - len(views))
    found = []
    for place, view in enumerate(views):
        look = min(place + shift, len(FAMILY_COLORS) - 1)
        step = inner_step(view.key)
        name = view.key if step is None else fit_name(step)
        found.append(Curve(view, name, FAMILY_COLORS[look], FAMILY_DASHES[look]))
    return found


def _nothing(run: Run, keys: list[str]) -> str:
    named = ", ".join(keys) or "no metric"
    return f"No points of {named} here" + (
        " yet: they appear seconds after they were logged." if not run.is_finished else "."
    )


@require_safe
def adaptation(request: SignedIn, run_id: str) -> HttpResponse:
    """`?evaluation=ID&metric=loss|accuracy`: the adaptation curve of one evaluation."""
    run = run_of(request, run_id)
    evaluation = _evaluation(run, request.GET.get("evaluation", ""))
    metric = "accuracy" if request.GET.get("metric") == "accuracy" else "loss"
    found = reading.adaptation(evaluation, metric)
    line = AdaptationLine(found, run.name, run.color_slot)
    left_out = int(found.nonfinite.max())
    note = f"mean and 95 % t interval over N = {found.episode_count} episodes" + (
        f", without up to {left_out} that were not finite" if left_out else ""
    )
    return chart_answer(adaptation_figure([line]), note=note)


@require_safe
def fit(request: SignedIn, run_id: str) -> HttpResponse:
    """`?evaluation=ID&episode=0`: one illustrated sinusoid episode."""
    run = run_of(request, run_id)
    fits = sinusoid_fits(_evaluation(run, request.GET.get("evaluation", "")).illustration)
    place = number_in(request, "episode", default=0, least=0, most=1000)
    if place >= len(fits):
        raise NotFound(f"This evaluation illustrates {len(fits)} episodes.")
    one = fits[place]
    legend = [LegendEntry("true", "var(--text-3)")]
    legend += [LegendEntry(fit_name(step), *fit_look(one, step)) for step, _ in one.predictions]
    legend.append(LegendEntry("support points", "var(--accent)", "dot"))
    return chart_answer(sinusoid_figure(one), legend=legend)


def _evaluation(run: Run, evaluation_id: str) -> Evaluation:
    found = run.evaluations.filter(pk=evaluation_id).first()
    if found is None:
        raise NotFound(f"The run {run.name} has no evaluation {evaluation_id}.")
    return found
