"""The run table of a project, and the curves beside it."""

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from dashboard.chart_query import ChartQuery
from dashboard.charts.learning_curves import drawn_note, learning_curves
from dashboard.comparison.selection import MOST as MOST_CHARTED
from dashboard.grouped_table import group_page, grouped_context
from dashboard.live import render_live
from dashboard.requests import SignedIn
from dashboard.run_curves import run_curves
from dashboard.run_table import TableRequest, table_context
from dashboard.scope import project_of
from dashboard.table_relations import TableRelations
from dashboard.table_state import TableState
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments import run_export
from experiments.errors import Invalid

LISTED_LINES = 10


@require_safe
def table(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """The page, its parts for htmx, and its live refresh: one view for all three."""
    found = project_of(request, workspace, project)
    asked = TableRequest.of(found, TableState.of(request))
    try:
        context = _context(request, asked)
    except Invalid as error:
        return _bad_filter(request, asked, error)
    answer = render_live(request, "dashboard/runs.html", context, live=context["active"] > 0)
    if "HX-Request" in request.headers:
        answer["HX-Push-Url"] = request.path + asked.state.query(offset=asked.state.offset)
    return answer


def _context(request: SignedIn, asked: TableRequest) -> dict[str, Any]:
    relations = {"relations": TableRelations.of(asked)}
    if asked.state.grouped:
        groups = group_page(asked)
        return relations | grouped_context(asked, groups, user=request.user, path=request.path)
    return relations | table_context(asked, asked.page(), user=request.user, path=request.path)


@require_safe
def export(request: SignedIn, workspace: str, project: str) -> StreamingHttpResponse:
    """All runs of the table, on whatever page, with its columns, as CSV."""
    found = project_of(request, workspace, project)
    asked = TableRequest.of(found, TableState.of(request))
    state = asked.state
    sort = state.sort if state.sort != "runs" else "created"
    lines = run_export.csv_lines(
        found,
        columns=[column.id for column in asked.columns],
        filters=state.filters,
        sort=sort,
        descending=state.descending,
        archived=state.archived,
    )
    answer = StreamingHttpResponse(run_export.pieces(lines), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.slug}-runs.csv"'
    return answer


def _bad_filter(request: SignedIn, asked: TableRequest, error: Invalid) -> HttpResponse:
    """htmx keeps the last good rows and shows the sentence; a page load shows it over no rows."""
    if "HX-Request" in request.headers:
        # The form asks for #runs; this answer has none.
        headers = {"HX-Retarget": "#filter-error", "HX-Reselect": "#filter-error",
                   "HX-Reswap": "outerHTML", "HX-Push-Url": "false"}  # fmt: skip
        context = {**_told(asked, error), "is_kept": True}
        answer = render_live(request, "dashboard/runs/_filter_error.html", context, live=True)
        for name, value in headers.items():
            answer[name] = value
        return answer
    context = table_context(asked, asked.no_page(), user=request.user, path=request.path)
    context |= _told(asked, error)
    return render_live(request, "dashboard/runs.html", context, live=False)


def _told(asked: TableRequest, error: Invalid) -> dict[str, object]:
    return {
        "filter_error": error.message,
        "filter_caret": error.details.get("caret", ""),
        "metrics_here": asked.metrics,
    }


@require_safe
def curves(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """`?key=&runs=a,b`: one metric of several runs of the project."""
    found = project_of(request, workspace, project)
    wanted = [one for one in request.GET.get("runs", "").split(",") if one][:MOST_CHARTED]
    runs = list(found.runs.filter(pk__in=wanted).order_by("number"))
    key = request.GET.get("key", "")
    query = ChartQuery.of(request, width=400)
    views = query.read([run.pk for run in runs], [key])
    by_id = {run.pk: run for run in runs}
    drawn = run_curves(by_id, [view for view in views if len(view.x)])
    names = ", ".join(run.name for run in runs[:3]) or "No run"
    return chart_answer(
        learning_curves(drawn, query.look),
        empty=None if drawn else f"None of the runs here logged {key}. ({names})",
        live=any(not run.is_finished for run in runs),
        note=drawn_note(views, query.look),
        legend=[LegendEntry(c.name, f"var(--{c.color})", c.dash) for c in drawn[:LISTED_LINES]],
    )
