"""The page that compares 2 to 10 runs; with fewer or more, the page that chooses them."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.comparison.code_section import code_section
from dashboard.comparison.curve_panels import Summaries, curve_panels
from dashboard.comparison.evaluations import Evaluated, evaluated, step_rows
from dashboard.comparison.fair import fair_of
from dashboard.comparison.fits import fit_rows
from dashboard.comparison.group_view import BY_TITLES, by_of, exported_query, group_view
from dashboard.comparison.metric_table import STATS, metric_rows, metrics_csv
from dashboard.comparison.picker import picker
from dashboard.comparison.selection import LEAST, MOST, Selection, run_ids, selection_of
from dashboard.comparison.value_view import value_view
from dashboard.comparison.verdict_view import verdict_view
from dashboard.comparison.why_view import why_view
from dashboard.live import render_live
from dashboard.requests import SignedIn
from dashboard.scope import may_edit
from experiments import reading
from experiments.comparing import environment, params
from experiments.models import User

X_AXES = (("step", "step"), ("relative", "time since its start"), ("time", "time of day"))


@require_safe
def page(request: SignedIn) -> HttpResponse:
    """Everything about the runs of `?runs=a,b`, and the answer to its live refresh."""
    ids = run_ids(request.GET)
    if not LEAST <= len(ids) <= MOST or "pick" in request.GET:
        context = picker(request, ids)
        return render(request, "dashboard/compare/picker.html", context)
    selection = selection_of(request)
    context = _context(selection, request.user)
    is_live = selection.is_live or bool(context["fair"] and context["fair"].queued)
    return render_live(request, "dashboard/compare/page.html", context, live=is_live)


@require_safe
def metrics(request: SignedIn) -> HttpResponse:
    """Every number of the runs as CSV."""
    selection = selection_of(request)
    text = metrics_csv(selection, reading.series_summaries(selection.ids))
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="metrics.csv"'
    return answer


def _context(selection: Selection, user: User) -> dict[str, Any]:
    found = evaluated(selection)
    summaries = reading.series_summaries(selection.ids)
    baseline = selection.baseline_place
    projects = {one.project_id: one.project for one in selection.runs}
    rows_of_params = params.compare(selection.runs, baseline=baseline)
    rows = metric_rows(selection, summaries, selection.get("stat", STATS))
    return {
        "selection": selection,
        "project": next(iter(projects.values())) if len(projects) == 1 else None,
        "evaluated": found,
        **_verdict(selection, found, summaries, user),
        "panels": curve_panels(selection, summaries),
        "params": rows_of_params,
        "why": why_view(selection, rows_of_params, summaries),
        "environment": environment.compare(selection.runs, baseline=baseline),
        "code": code_section(selection),
        "metric_rows": rows,
        "stats": STATS,
        "stat": selection.get("stat", STATS),
        "only_differing": selection.controls.get("differs") != "0",
        "x_axes": X_AXES,
        "protocol": _protocol(selection, found),
        "adaptation": _adaptation(selection, found),
        "step_rows": step_rows(selection, found),
        "fit_rows": fit_rows(selection, found),
    }


def _verdict(
    selection: Selection, found: Evaluated, summaries: Summaries, user: User
) -> dict[str, Any]:
    """Of runs always, for their own numbers; of groups where the address or the runs ask for it."""
    by = by_of(selection)
    fair = fair_of(selection, found)
    return {
        "fair": fair,
        "may_queue": fair is not None
        and all(may_edit(user, one.compared.run.project) for one in fair.possible),
        "values": None if found.present else value_view(selection, summaries, by),
        "view": verdict_view(selection, found),
        "by": by,
        "verdict_query": exported_query(selection, found),
        "by_titles": BY_TITLES.items(),
        "groups": None if by == "run" or not found.present else group_view(selection, found, by),
    }


def _adaptation(selection: Selection, found: Evaluated) -> list[tuple[str, str, str]]:
    """Title, id and address of each adaptation chart."""
    there = reverse("compare_adaptation")
    return [
        (
            f"Query {metric} against inner step",
            f"adaptation-{metric}",
            there + selection.chart_query(evaluation=found.name, of=metric),
        )
        for metric in found.metrics
        if found.present
    ]


def _protocol(selection: Selection, found: Evaluated) -> list[Any]:
    """The compared runs that have the evaluation: the columns of the mismatch table."""
    return [one for one in selection.compared if found.by_run[one.run.pk] is not None]
