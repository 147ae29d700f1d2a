"""Figures of the compare page, as JSON. Each answers for the runs and controls of the address."""

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from dashboard.chart_query import ChartQuery
from dashboard.charts.adaptation import AdaptationLine, adaptation_figure
from dashboard.charts.learning_curves import Curve, drawn_note, learning_curves
from dashboard.charts.paired_difference import difference_figure, paired_difference_figure
from dashboard.charts.profiles import ProfileLine, profile_figure
from dashboard.charts.run_bands import bands_note, run_bands
from dashboard.charts.sinusoid_fits import sinusoid_figure
from dashboard.charts.theme import token
from dashboard.comparison.banding import banded
from dashboard.comparison.episodes import common_note
from dashboard.comparison.evaluations import Evaluated, evaluated
from dashboard.comparison.fits import fits_of, shared_range
from dashboard.comparison.group_view import by_of, group_view
from dashboard.comparison.numbers import unit_of
from dashboard.comparison.selection import Compared, Selection, selection_of
from dashboard.comparison.verdict_view import verdict_view
from dashboard.requests import SignedIn
from dashboard.views.chart_answer import LegendEntry, chart_answer, points_answer
from experiments import reading
from experiments.comparing.bands import METHODS
from experiments.comparing.group_verdict import profiles
from experiments.shapes import SeriesView


@require_safe
def curve(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&key=train/loss`: one metric of every run that is not hidden; with
    `bands=t&over=seedless` of every group of them."""
    method = next((one for one in METHODS if one == request.GET.get("bands")), None)
    selection = selection_of(request, documents=method is not None)
    query = ChartQuery.of(request)
    drawn = {one.run.pk: one for one in selection.drawn}
    views = query.read(list(drawn), [request.GET.get("key", "")])
    if method is None:
        curves = [_curve(view, drawn[view.run_id]) for view in views]
        figure, note = learning_curves(curves, query.look), drawn_note(views, query.look)
        legend: list[LegendEntry] = []
    else:
        groups = banded(selection, views, query, method)
        figure, note = run_bands(groups, query.look), bands_note(groups, method)
        legend = [
            LegendEntry(f"{one.name}, N = {one.runs}", token(one.color), one.dash) for one in groups
        ]
    has_points = any(len(view.x) for view in views)
    return chart_answer(
        figure,
        empty=None if has_points else "No points here: no run shown has logged this metric yet.",
        live=selection.is_live,
        note=note,
        legend=legend,
    )


@require_safe
def points(request: SignedIn) -> StreamingHttpResponse:
    """Every logged point of `?key=train/loss` of every run that is not hidden, as CSV."""
    drawn = selection_of(request, documents=False).drawn
    return points_answer([one.run for one in drawn], [request.GET.get("key", "")])


def _curve(view: SeriesView, one: Compared) -> Curve:
    return Curve(view, one.label, f"run-{one.slot}", one.dash, one.letter)


@require_safe
def adaptation(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&of=loss|accuracy`: every run's evaluation against the inner step."""
    selection = selection_of(request, documents=False)
    found = evaluated(selection)
    metric = "accuracy" if request.GET.get("of") == "accuracy" else "loss"
    lines = [
        AdaptationLine(reading.adaptation(evaluation, metric), one.label, one.slot, one.dash)
        for one in selection.drawn
        if (evaluation := found.by_run[one.run.pk]) is not None and metric in evaluation.summary
    ]
    figure = adaptation_figure(lines)
    if request.GET.get("log"):
        figure.update_yaxes(type="log")
    counts = " ".join(f"{line.name.split(' ')[0]} {line.curve.episode_count}" for line in lines)
    left_out = sum(int(line.curve.nonfinite.max()) for line in lines)
    note = f"Mean with its 95 % t interval over N episodes: {counts}. Ring: {found.axis.trained}."
    note += " " + common_note([found.present[line.curve.run_id] for line in lines])
    if left_out:
        note += f" {left_out} not finite, left out."
    empty = None if lines else f"No run shown has a {found.name} evaluation with {metric} yet."
    return chart_answer(figure, empty=empty, live=selection.is_live, note=note)


@require_safe
def difference(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&pair=b`: the per-episode differences of one run to the baseline."""
    selection = selection_of(request)
    found = evaluated(selection)
    if by_of(selection) != "run":
        return _group_difference(selection, found)
    row = verdict_view(selection, found).pair
    if row is None or row.paired is None:
        sentence = "Nothing to compare episode by episode yet."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    unit = unit_of(found.metric, found.axis)
    unit = f"{row.compared.letter} − {selection.baseline.letter}, {unit} per episode"
    figure = paired_difference_figure(row.paired, slot=row.compared.slot, unit=unit)
    note = f"N = {row.paired.count} common episodes. Line: mean; band: its 95 % interval."
    return chart_answer(figure, live=selection.is_live, note=note)


def _group_difference(selection: Selection, found: Evaluated) -> HttpResponse:
    view = group_view(selection, found, by_of(selection))
    row = view.pair
    if row is None or row.comparison.contrast is None:
        sentence = "Nothing to compare episode by episode yet."
        return chart_answer(None, empty=sentence, live=selection.is_live)
    contrast, side = row.comparison.contrast, row.side
    letters = f"{side.compared.letter} − {view.baseline.compared.letter}"
    figure = difference_figure(
        contrast.differences,
        contrast.mean.value,
        (contrast.mean.low, contrast.mean.high),
        scale=100.0 if found.metric == "accuracy" else 1.0,
        slot=side.compared.slot,
        unit=f"{letters}, {unit_of(found.metric, found.axis)} per episode",
    )
    note = f"N = {contrast.episodes} common episodes, each the mean over seeds. Line: mean; band: "
    note += "its 95 % interval over seeds and episodes."
    return chart_answer(figure, live=selection.is_live, note=note)


@require_safe
def profile(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&by=seedless`: the performance profile of every group."""
    selection = selection_of(request)
    found = evaluated(selection)
    view = group_view(selection, found, by_of(selection))
    lines = [
        ProfileLine(one, f"{look.letter} {side.group.name}", look.slot, look.dash)
        for side, one in zip(view.sides, profiles(view.verdict), strict=True)
        if one is not None and (look := side.compared).letter not in selection.hidden
    ]
    empty = None if lines else "No group has episodes that all of its runs were tried on."
    note = "The part of all seeds and episodes at least as good as the value below."
    if any(line.profile.low is not None for line in lines):
        note += " Band: pointwise 95 % interval over seeds and episodes."
    figure = profile_figure(lines, is_accuracy=found.metric == "accuracy")
    return chart_answer(figure, empty=empty, live=selection.is_live, note=note)


@require_safe
def fit(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&run=a&episode=ID`: one illustrated episode of one run, on a shared scale."""
    selection = selection_of(request, documents=False)
    fits = fits_of(selection, evaluated(selection))
    episode, run_id = request.GET.get("episode", ""), request.GET.get("run", "")
    one = fits.get(run_id, {}).get(episode)
    if one is None:
        return chart_answer(None, empty="This run did not illustrate this episode.")
    figure = sinusoid_figure(one)
    if bounds := shared_range(fits, episode, list(selection.compared)):
        figure.update_yaxes(range=bounds)
    return chart_answer(figure)
