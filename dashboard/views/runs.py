"""The run table of a project, and the curves beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.chart_query import ChartQuery
from dashboard.charts.learning_curves import Curve, drawn_note, learning_curves
from dashboard.charts.theme import DASHES
from dashboard.live import render_live
from dashboard.requests import SignedIn
from dashboard.scope import may_edit, project_of
from dashboard.table_columns import (
    ATTRIBUTES,
    Cell,
    Column,
    cells_of,
    column_of,
    first_columns,
)
from dashboard.table_state import PAGE_SIZES, TableState
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments import reading
from experiments.errors import Invalid
from experiments.models import Project, Run, RunStatus
from experiments.models.runs import ACTIVE
from experiments.shapes import RunColumns, RunRow, RunTable, SeriesView

CHARTED_RUNS, LISTED_LINES, CHARTS = 10, 10, 3


@dataclass(frozen=True)
class Row:
    run: RunRow
    cells: list[Cell]


@require_safe
def table(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """The page, its parts for htmx, and its live refresh: one view for all three."""
    found = project_of(request, workspace, project)
    state = TableState.of(request)
    known = reading.run_columns(found)
    columns = _columns(found, state, known)
    try:
        page = _page(found, state, columns)
    except Invalid as error:
        return _bad_filter(request, found, state, known, columns, error)
    context = _context(request, found, state, known, columns, page)
    live = context["active"] > 0
    answer = render_live(request, "dashboard/runs.html", context, live=live)
    if "HX-Request" in request.headers:
        answer["HX-Push-Url"] = request.path + state.query(offset=state.offset)
    return answer


def _columns(project: Project, state: TableState, known: RunColumns) -> list[Column]:
    chosen = state.columns or first_columns(project, known)
    return [column for one in chosen if (column := column_of(one)) is not None]


def _page(project: Project, state: TableState, columns: Sequence[Column]) -> RunTable:
    return reading.run_table(
        project,
        filters=state.filters,
        sort=state.sort,
        descending=state.descending,
        columns=[column.id for column in columns if column.kind != "attribute"],
        offset=state.offset,
        limit=state.limit,
        archived=state.archived,
    )


def _bad_filter(
    request: SignedIn,
    project: Project,
    state: TableState,
    known: RunColumns,
    columns: list[Column],
    error: Invalid,
) -> HttpResponse:
    """htmx keeps the last good rows and shows the sentence; a page load shows it over no rows."""
    if "HX-Request" in request.headers:
        headers = {"HX-Retarget": "#filter-error", "HX-Reswap": "outerHTML", "HX-Push-Url": "false"}
        context = {"filter_error": error.message, "known": known}
        answer = render_live(request, "dashboard/runs/_filter_error.html", context, live=True)
        for name, value in headers.items():
            answer[name] = value
        # The form asks for #runs; this answer has none.
        answer["HX-Reselect"] = "#filter-error"
        return answer
    nothing = RunTable((), 0, 0, state.limit, (), state.sort, state.descending)
    context = _context(request, project, state, known, columns, nothing)
    context["filter_error"] = error.message
    return render_live(request, "dashboard/runs.html", context, live=False)


def _context(
    request: SignedIn,
    project: Project,
    state: TableState,
    known: RunColumns,
    columns: list[Column],
    page: RunTable,
) -> dict[str, Any]:
    counts = _counts(project)
    return {
        "project": project,
        "state": state,
        "known": known,
        "filter_fields": _fields(known),
        "example_metric": project.main_metric or next(iter(known.metrics), "loss"),
        "columns": columns,
        "shown": {column.id for column in columns},
        "attributes": ATTRIBUTES,
        "heads": [(column, *_head(state, column, project)) for column in columns],
        "name_head": _head(state, Column("name", "attribute", "name", "Name", ""), project),
        "table": page,
        "rows": [Row(run, cells_of(run, columns)) for run in page.rows],
        "statuses": _statuses(state, counts),
        "total": sum(counts.values()),
        "active": sum(counts.get(status, 0) for status in ACTIVE),
        "editable": may_edit(request.user, project.workspace),
        "pages": _pages(state, page),
        "page_sizes": PAGE_SIZES,
        "charts": _charts(project, columns, page.rows, known),
        "archived_query": state.query(archived=not state.archived),
        "here": request.path + state.query(offset=state.offset),
    }


def _counts(project: Project) -> dict[str, int]:
    rows = Run.objects.filter(project=project, archived_at=None).values_list("status")
    return dict(rows.annotate(Count("pk")).order_by())


def _fields(known: RunColumns) -> list[str]:
    """Fields that the condition builder offers."""
    attributes = ["status", "name", "tags", "seed", "group", "created"]
    metrics = [f"metrics.{key}" for key in known.metrics]
    return [*attributes, *metrics, *(f"params.{key}" for key in known.params)]


def _head(state: TableState, column: Column, project: Project) -> tuple[str, str]:
    """Where a click on the head leads, and its aria-sort."""
    is_current = state.sort == column.id
    # The first click shows the best first; for anything but a metric, the largest or newest.
    first = project.main_metric_direction == "max" if column.kind == "metrics" else True
    descending = not state.descending if is_current else first
    sorted_ = ("descending" if state.descending else "ascending") if is_current else ""
    return state.query(sort=column.id, descending=descending), sorted_


def _statuses(state: TableState, counts: dict[str, int]) -> list[tuple[str, int, str, bool]]:
    found = [("all", sum(counts.values()), state.query(status=""), state.status == "")]
    for status in RunStatus.values:
        if counts.get(status) or state.status == status:
            query = state.query(status=status)
            found.append((status, counts.get(status, 0), query, state.status == status))
    return found


def _pages(state: TableState, page: RunTable) -> dict[str, Any]:
    before = max(0, state.offset - state.limit)
    return {
        "first": state.offset + 1 if page.rows else 0,
        "last": state.offset + len(page.rows),
        "previous": state.query(offset=before) if state.offset else "",
        "next": state.query(offset=state.offset + state.limit) if page.has_more else "",
    }


def _charts(
    project: Project, columns: Sequence[Column], rows: Sequence[RunRow], known: RunColumns
) -> list[tuple[str, str, str]]:
    """Title, source without runs, and source with the first runs of the page."""
    keys = list(dict.fromkeys(c.key for c in columns if c.kind == "metrics"))
    curves = [key for key in keys if not key.startswith("test/")] or keys
    extra = [key for key in known.metrics if key.startswith("train/") and key not in curves]
    base = reverse("project_curves", args=[project.workspace.slug, project.slug])
    runs = ",".join(row.id for row in rows[:CHARTED_RUNS])
    found = []
    for key in [*curves, *extra][:CHARTS]:
        stem = f"{base}?{urlencode({'key': key})}"
        found.append((key, stem, f"{stem}&runs={runs}"))
    return found


@require_safe
def curves(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """`?key=&runs=a,b`: one metric of several runs of the project."""
    found = project_of(request, workspace, project)
    wanted = [one for one in request.GET.get("runs", "").split(",") if one][:CHARTED_RUNS]
    runs = list(found.runs.filter(pk__in=wanted).order_by("number"))
    key = request.GET.get("key", "")
    query = ChartQuery.of(request, width=400)
    views = query.read([run.pk for run in runs], [key])
    by_id = {run.pk: run for run in runs}
    drawn = _looks(by_id, [view for view in views if len(view.x)])
    names = ", ".join(run.name for run in runs[:3]) or "No run"
    return chart_answer(
        learning_curves(drawn, x=query.axis),
        empty=None if drawn else f"None of the runs here logged {key}. ({names})",
        live=any(not run.is_finished for run in runs),
        note=drawn_note(views),
        legend=[LegendEntry(c.name, f"var(--{c.color})", c.dash) for c in drawn[:LISTED_LINES]],
    )


def _looks(runs: dict[str, Run], views: Sequence[SeriesView]) -> list[Curve]:
    """Each run in its colour; runs here that share one differ by dash."""
    drawn: list[Curve] = []
    for view in views:
        run = runs[view.run_id]
        color = f"run-{run.color_slot}"
        dash = DASHES[sum(one.color == color for one in drawn) % len(DASHES)]
        drawn.append(Curve(view, run.name, color, dash))
    return drawn
