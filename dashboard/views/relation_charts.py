"""Figures of how metrics and params of the compared runs go together, as JSON."""

from collections.abc import Sequence

import plotly.graph_objects as go
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts.relations import Dot, Group, Line, boxes, importance_bars, parallel, scatter
from dashboard.charts.theme import run_color
from dashboard.comparison.group_view import over_of
from dashboard.comparison.relations import METRIC, STATS, axes_of, complete, values_of
from dashboard.comparison.selection import Selection, selection_of
from dashboard.requests import SignedIn
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments.comparing.fanova import NotInstalled, variance_shares
from experiments.comparing.groups import group
from experiments.comparing.importance import LEAST_RUNS, importances
from experiments.models import Run

TOO_FEW = f"It takes {LEAST_RUNS} runs with a value, and params and values that differ."
NO_VALUE = "No run shown has a finite value of both."


@require_safe
def against(request: SignedIn) -> HttpResponse:
    """`?ry=loss&rx=params.lr`: a point for each run."""
    selection = selection_of(request)
    key, name = request.GET.get("ry", ""), request.GET.get("rx", "")
    columns = values_of(_runs(selection), name, _stat(selection)), _metric(selection, key)
    drawn, (x, y) = complete(selection.drawn, *columns)
    if any(isinstance(place, str) for place in x):
        x = [str(place) for place in x]
    dots = [
        Dot(one.label, one.slot, place, value)
        for one, place, value in zip(drawn, x, y, strict=True)
    ]
    figure = scatter(dots, x=name.split(".", 1)[-1], y=key)
    return _answer(selection, figure, None if dots else NO_VALUE, f"N = {len(dots)} runs")


@require_safe
def coordinates(request: SignedIn) -> HttpResponse:
    """`?ry=loss`: the params that differ, and the metric, as parallel axes."""
    selection = selection_of(request)
    key = request.GET.get("ry", "")
    names = axes_of(_runs(selection))
    columns = [values_of(_runs(selection), name, _stat(selection)) for name in names]
    drawn, found = complete(selection.drawn, *columns, _metric(selection, key))
    titles = [*(name.split(".", 1)[-1] for name in names), key]
    empty = None
    if not names:
        empty = "The runs shown differ in no param."
    elif not drawn:
        empty = "No run shown has all of the params that differ and a finite value."
    rows = zip(drawn, zip(*found, strict=True), strict=True) if drawn else ()
    lines = [Line(one.label, run_color(one.slot), values) for one, values in rows]
    return _answer(selection, parallel(titles, lines), empty, f"N = {len(drawn)} runs")


@require_safe
def spread(request: SignedIn) -> HttpResponse:
    """`?ry=loss&over=seedless`: the values of each group's runs."""
    selection = selection_of(request)
    key = request.GET.get("ry", "")
    drawn, (values,) = complete(selection.drawn, _metric(selection, key))
    by_run = {one.run.pk: (one, value) for one, value in zip(drawn, values, strict=True)}
    groups = []
    for found in group([one.run for one in drawn], over_of(selection)):
        members = [by_run[run_id] for run_id in found.run_ids]
        first = members[0][0]
        numbers = [value for _, value in members]
        groups.append(
            Group(found.name, first.letter, first.slot, numbers, [one.label for one, _ in members])
        )
    empty = None if groups else "No run shown has a finite value."
    note = "Box: quartiles and median, from five runs on; every run is a point."
    legend = [LegendEntry(f"{one.letter} {one.name}", run_color(one.slot)) for one in groups]
    return _answer(selection, boxes(groups, y=key), empty, note, legend)


@require_safe
def importance(request: SignedIn) -> HttpResponse:
    """`?ry=loss`: which params the metric goes with, by a random forest."""
    selection = selection_of(request)
    drawn, (values,) = complete(selection.drawn, _metric(selection, request.GET.get("ry", "")))
    return importance_answer([one.run for one in drawn], values, live=selection.is_live)


def importance_answer(
    runs: Sequence[Run], values: Sequence[float], *, live: bool = False
) -> HttpResponse:
    """The figure of the params that the values go with."""
    found = importances([run.params for run in runs], values)
    if found is None:
        return chart_answer(None, empty=TOO_FEW, live=live)
    rows = [
        (one.key, one.mean, one.sd, "" if one.correlation is None
         else f"rank correlation {one.correlation:+.2f}")
        for one in found.params
    ]  # fmt: skip
    note = (
        f"Permutation importance in a random forest over N = {found.runs} runs, which explains "
        f"{100 * max(0.0, found.score):.0f} % of the variance of runs it has not seen. "
        "Association, not cause."
    )
    return chart_answer(importance_bars(rows), live=live, note=note)


@require_safe
def fanova(request: SignedIn) -> HttpResponse:
    """`?ry=loss`: which part of the metric's variance goes with each param alone."""
    selection = selection_of(request)
    drawn, (values,) = complete(selection.drawn, _metric(selection, request.GET.get("ry", "")))
    return fanova_answer([one.run for one in drawn], values, live=selection.is_live)


def fanova_answer(
    runs: Sequence[Run], values: Sequence[float], *, live: bool = False
) -> HttpResponse:
    """The figure of the shares of variance."""
    try:
        found = variance_shares([run.params for run in runs], values)
    except NotInstalled as error:
        return chart_answer(None, empty=error.message)
    if found is None:
        return chart_answer(None, empty=TOO_FEW, live=live)
    rows = [
        (one.key, one.part, 0.0, "over its logarithm" if one.is_log else "") for one in found.params
    ]
    note = (
        f"fANOVA of a random forest over N = {found.runs} runs, which explains "
        f"{100 * max(0.0, found.score):.0f} % of the variance of runs it has not seen. "
        f"{100 * found.together:.0f} % goes with params together. Association, not cause."
    )
    return chart_answer(importance_bars(rows, title="part of the variance"), live=live, note=note)


def _metric(selection: Selection, key: str) -> list[float | None]:
    return values_of(_runs(selection), METRIC + key, _stat(selection))


def _runs(selection: Selection) -> list[Run]:
    return [one.run for one in selection.drawn]


def _stat(selection: Selection) -> str:
    return selection.get("stat", STATS)


def _answer(
    selection: Selection,
    figure: go.Figure,
    empty: str | None,
    note: str,
    legend: Sequence[LegendEntry] = (),
) -> HttpResponse:
    return chart_answer(figure, empty=empty, live=selection.is_live, note=note, legend=legend)
