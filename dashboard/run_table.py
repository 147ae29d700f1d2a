"""What the run table page shows: rows in columns, counts, links that change its state, charts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString

from dashboard.baseline import Baseline
from dashboard.metric_directions import direction, resolved
from dashboard.table_cells import begin_of, cells_of
from dashboard.table_columns import (
    ATTRIBUTES,
    Column,
    column_of,
    first_columns,
    ranked_metrics,
    sampled_runs,
)
from dashboard.table_menus import arranged, column_choices, group_options
from dashboard.table_state import PAGE_SIZES, TableState
from experiments import access, reading, saved_views, search
from experiments.models import Project, Role, RunStatus, SavedView, User
from experiments.models.runs import ACTIVE, COLORS
from experiments.shapes import RunColumns, RunRow, RunTable

CHARTED_RUNS, CHARTS = 10, 3
MOST_NAMED = 4  # metrics in a sentence
_ANY = "ID"  # stands for a run where an address is worded once for all rows


@dataclass(frozen=True)
class Row:
    """A run with its cells, and what stands before them; in a nested table with how deep it is, and
    a fold for its children: how many they are, the query string that shows or hides them, whether
    they are shown."""

    run: RunRow
    cells: SafeString
    begin: SafeString = SafeString("")
    depth: int = 0
    children: int = 0
    fold: str = ""
    is_open: bool = False
    left_out: str = ""  # the query string of all its children, where not all are shown


@dataclass(frozen=True)
class TableRequest:
    """What an address asks of a project's table. `known`: the columns there are; `metrics`: those
    that say most, in order."""

    project: Project
    state: TableState
    known: RunColumns
    metrics: list[str]
    columns: list[Column]

    @classmethod
    def of(cls, project: Project, state: TableState) -> "TableRequest":
        """With the columns that the reader chose, else those the page picks."""
        known = reading.run_columns(project)
        sample = sampled_runs(project)
        metrics = ranked_metrics(project, known, sample)
        chosen = resolved(state, project) or first_columns(sample, metrics)
        columns = [column for one in chosen if (column := column_of(one)) is not None]
        return cls(project, state, known, metrics, columns)

    def page(self) -> RunTable:
        """The rows asked for. Raises Invalid for a filter or an order that cannot be read."""
        state = self.state
        search.parse(state.q, project=self.project)  # alone, so that errors say where in it
        return reading.run_table(
            self.project,
            filters=state.filters,
            sort=state.sort,
            descending=state.descending,
            columns=[column.id for column in self.columns if column.kind != "attribute"],
            offset=state.offset,
            limit=state.limit,
            archived=state.archived,
        )

    def no_page(self) -> RunTable:
        """What stands for the rows when they could not be asked for."""
        state = self.state
        return RunTable((), 0, 0, state.limit, (), state.sort, state.descending)


def table_context(asked: TableRequest, page: RunTable, *, user: User, path: str) -> dict[str, Any]:
    """Everything the page's template needs; `path` is the page's own address."""
    project, state, known, columns = asked.project, asked.state, asked.known, asked.columns
    counts = reading.status_counts(project)
    role = access.role_in(user, project)
    shown_counts = reading.status_counts(project, outermost=True) if state.nested else counts
    name = Column("name", "attribute", "name", "Name", "")
    baseline = Baseline.of(project, state, columns)
    shown = {column.id for column in columns}
    return {
        "project": project,
        "state": state,
        "filter_fields": _fields(known),
        "example_metric": next(iter(asked.metrics), project.main_metric or "loss"),
        "unlogged_main": _unlogged_main(asked),
        "columns": columns,
        "column_count": len(ATTRIBUTES) + len(known.metrics) + len(known.params),
        "shown": shown,
        "column_choices": column_choices(known, shown),
        "attributes": ATTRIBUTES,
        "heads": [(column, *head(state, column, project)) for column in columns],
        "name_head": head(state, name, project),
        "table": page,
        "rows": _rows(asked, page, baseline),
        "baseline": baseline,
        "baseline_cells": baseline.cells(columns) if baseline else "",
        "baseline_lost": bool(state.baseline) and baseline is None,
        "no_baseline_query": state.query(baseline="", offset=state.offset),
        "arranged": arranged(project, state, asked.columns),
        "group_options": group_options(state, known.params),
        "statuses": _statuses(state, shown_counts),
        "nest_query": _nest_query(project, state),
        "has_groups": reading.group_names(project).exists(),
        "total": sum(counts.values()),
        "active": sum(counts.get(status, 0) for status in ACTIVE),
        "editable": role is not None and role.allows(Role.MEMBER),
        "is_admin": role == Role.ADMIN,
        "colors": range(1, COLORS + 1),
        "trash_days": settings.TRASH_DAYS,
        "pages": pages(state, len(page.rows), page.has_more),
        "page_sizes": PAGE_SIZES,
        "charts": charts(asked, [row.id for row in page.rows]),
        "views": _views(project, user, role),
        "view_query": state.query(selected=()).removeprefix("?"),
        "archived_query": state.query(archived=not state.archived),
        "export_query": state.query(columns=tuple(column.id for column in asked.columns)),
        "here": path + state.query(offset=state.offset),
        "selected": _selected(project, state),
    }


def _selected(project: Project, state: TableState) -> list[dict[str, Any]]:
    """The runs that the address selects, on whatever page of this list they are, in its order."""
    if not state.selected:
        return []
    listed = project.runs.filter(archived_at__isnull=not state.archived)
    found = listed.only("name", "number", "color").in_bulk(state.selected)
    runs = [found[run_id] for run_id in state.selected if run_id in found]
    return [{"id": run.pk, "name": run.name, "slot": run.color_slot} for run in runs]


def _views(project: Project, user: User, role: Role | None) -> list[tuple[SavedView, bool]]:
    """The saved views by name, each with whether the reader may remove it."""
    rows = project.saved_views.select_related("created_by").order_by("name")
    return [(view, saved_views.may_change(view, user, role)) for view in rows]


def _unlogged_main(asked: TableRequest) -> list[str]:
    """Metrics to choose from, where the project's main one is not among those logged."""
    main = asked.project.main_metric
    return [] if not main or main in asked.known.metrics else asked.metrics[:MOST_NAMED]


def beginnings() -> Callable[[RunRow, int], SafeString]:
    """What words the beginnings of rows, of runs and how deep they are."""
    before, after = reverse("run", args=[_ANY]).split(_ANY)
    return lambda run, depth: begin_of(run, f"{before}{run.id}{after}", depth)


def _rows(asked: TableRequest, page: RunTable, baseline: Baseline | None) -> list[Row]:
    """The rows of the page; nested, with those of opened runs below them, level by level."""
    state, columns = asked.state, asked.columns
    cells = baseline.cells_against if baseline else cells_of
    begin = beginnings()
    if not state.nested:
        return [Row(run, cells(run, columns), begin(run, 0)) for run in page.rows]
    keys = [column.id for column in columns if column.kind != "attribute"]
    below: dict[str, list[RunRow]] = {}
    counts: dict[str, int] = {}
    level: Sequence[RunRow] = page.rows
    while level:
        counts |= reading.child_counts([run.id for run in level], archived=state.archived)
        opened = [run.id for run in level if run.id in state.opened and run.id in counts]
        found = reading.child_rows(opened, keys, archived=state.archived) if opened else {}
        below |= found
        level = [run for runs in found.values() for run in runs]

    def rows(runs: Sequence[RunRow], depth: int) -> Iterator[Row]:
        for run in runs:
            children, shown = counts.get(run.id, 0), below.get(run.id, [])
            all_of = state.query(q=f"parent = {run.id}", nested=False, status="")
            yield Row(
                run,
                cells(run, columns),
                begin(run, depth),
                depth=depth,
                children=children,
                fold=state.fold(run.id) if children else "",
                is_open=bool(shown),
                left_out=all_of if shown and len(shown) < children else "",
            )
            yield from rows(shown, depth + 1)

    return list(rows(page.rows, 0))


def _nest_query(project: Project, state: TableState) -> str:
    """Where the table is nested, or flat again; empty where no run has a parent."""
    if not state.nested and not project.runs.filter(parent__isnull=False).exists():
        return ""
    return state.query(nested=not state.nested, opened=())


def _fields(known: RunColumns) -> list[str]:
    """Fields that the condition builder offers."""
    attributes = ["status", "name", "tags", "seed", "group", "parent", "user", "number"]
    attributes += ["created", "started", "finished"]
    metrics = [f"metrics.{key}" for key in known.metrics]
    return [*attributes, *metrics, *(f"params.{key}" for key in known.params)]


def head(state: TableState, column: Column, project: Project) -> tuple[str, str]:
    """Where a click on the head leads, and its aria-sort."""
    is_current = state.sort == column.id
    # The first click shows the best first; for anything but a metric, the largest or newest.
    first = column.kind != "metrics" or direction(state, project, column.key) == "max"
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


def pages(state: TableState, shown: int, has_more: bool) -> dict[str, Any]:
    """Which places the page shows, and the query strings of its neighbours."""
    before = max(0, state.offset - state.limit)
    return {
        "first": state.offset + 1 if shown else 0,
        "last": state.offset + shown,
        "previous": state.query(offset=before) if state.offset else "",
        "next": state.query(offset=state.offset + state.limit) if has_more else "",
    }


def charts(asked: TableRequest, run_ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """Title, source without runs, and source with the first of these runs, if there are any."""
    if not run_ids:
        return []
    project = asked.project
    keys = list(dict.fromkeys(c.key for c in asked.columns if c.kind == "metrics"))
    curves = [key for key in keys if not key.startswith("test/")] or keys
    extra = [key for key in asked.metrics if key.startswith("train/") and key not in curves]
    base = reverse("project_curves", args=[project.workspace.slug, project.slug])
    runs = ",".join(run_ids[:CHARTED_RUNS])
    found = []
    for key in [*curves, *extra][:CHARTS]:
        stem = f"{base}?{urlencode({'key': key})}"
        found.append((key, stem, f"{stem}&runs={runs}"))
    return found
