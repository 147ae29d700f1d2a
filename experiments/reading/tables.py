"""The run table: a page of runs with the columns asked for, in a number of queries that does not
depend on the number of runs.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from experiments import search, summaries
from experiments.errors import Invalid
from experiments.models import Param, Project, Run, RunStatus, RunTag, Series
from experiments.models.runs import NEWEST_FIRST, color_slot
from experiments.reading import id_arrays
from experiments.reading.consistency import one_picture
from experiments.reading.matching import Matching
from experiments.reading.ordering import order_by
from experiments.shapes import RunColumns, RunRow, RunTable, SeriesSummary

MOST_ROWS = 1_000  # in a page


def run_table(
    project: Project,
    *,
    filters: str = "",
    sort: str = "created",
    descending: bool = True,
    columns: Sequence[str] = (),
    offset: int = 0,
    limit: int = 50,
    archived: bool = False,
) -> RunTable:
    """One page of a project's runs.

    `filters`: see `experiments.search`. `sort`: an attribute ("created", "started", "finished",
    "duration", "name", "number", "status", "group", "seed"), "params.KEY" or "metrics.KEY",
    "metrics.KEY(min)", "metrics.KEY(max)"; runs without it come last, equal ones by id.
    `columns`: the "params.KEY" and "metrics.KEY" whose values the rows shall carry. `archived`:
    those instead of the others. Raises Invalid.
    """
    ids, total = run_ids(
        project,
        filters=filters,
        sort=sort,
        descending=descending,
        offset=offset,
        limit=limit,
        archived=archived,
    )
    return RunTable(
        rows=rows_of(ids, columns),
        total=total,
        offset=offset,
        limit=limit,
        columns=tuple(columns),
        sort=sort,
        descending=descending,
    )


def run_ids(
    project: Project,
    *,
    filters: str,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
    archived: bool,
) -> tuple[list[str], int]:
    """The ids of one page of `run_table`, in its order, and how many runs there are in all."""
    if not 1 <= limit <= MOST_ROWS or offset < 0:
        raise Invalid(f"limit: use 1 to {MOST_ROWS}, and an offset from 0.")
    with one_picture():
        matching = Matching(project, filters, archived=archived)
        order = order_by(
            project, sort, descending=descending, listed=matching.listed, archived=archived
        )
        return matching.page(order, offset, limit, descending=descending), matching.total


def found_run_ids(
    project: Project, *, filters: str, sort: str, descending: bool, archived: bool
) -> list[str]:
    """The ids of all runs that a filter finds, in order, however many."""
    with one_picture():
        matching = Matching(project, filters, archived=archived)
        order = order_by(
            project, sort, descending=descending, listed=matching.listed, archived=archived
        )
        return matching.page(order, 0, matching.total, descending=descending)


def run_columns(project: Project) -> RunColumns:
    """The keys of params and metrics of all runs of a project, sorted."""
    return RunColumns(
        params=search.names_of(Param, "key", project),
        metrics=search.names_of(Series, "key", project),
    )


def status_counts(project: Project, *, outermost: bool = False) -> dict[str, int]:
    """How many listed runs of a project have each status; `outermost`: of those without a parent.

    A statement of one count for each status: groups would be put together row by row.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATUS_COUNTS[outermost], [project.pk] * len(RunStatus.values))
        return dict(zip(RunStatus.values, cursor.fetchone(), strict=True))


def _counting(condition: str) -> str:
    counts = (
        f"(SELECT COUNT(*) FROM {Run._meta.db_table} WHERE project_id = %s AND status = '{status}' "
        f"AND archived_at IS NULL{condition})"
        for status in RunStatus.values
    )
    return f"SELECT {', '.join(counts)}"


_STATUS_COUNTS = {False: _counting(""), True: _counting(" AND parent_id IS NULL")}


def spread_ids(project: Project, *, newest: int, wanted: int) -> list[str]:
    """So many runs at most, spread evenly over the newest of those that are listed."""
    listed = Run.objects.filter(project=project, archived_at=None).order_by(*NEWEST_FIRST)
    ids = id_arrays.read(listed[:newest], "pk")
    return [str(one) for one in ids[:: math.ceil(len(ids) / wanted) or 1].astype(str)]


# What a row says of its run, under the same name.
_OWN = (
    *("id", "name", "number", "status", "status_reason", "group", "seed"),
    *("created_at", "started_at", "finished_at", "archived_at"),
    *("progress_step", "progress_total"),
)


def rows_of(ids: Sequence[str], columns: Sequence[str]) -> tuple[RunRow, ...]:
    """These runs as rows, in this order, with the values of `columns`.

    Made of values, not of instances: a page has up to a thousand runs.
    """
    runs = Run.objects.filter(pk__in=ids).values_list(*_OWN, "color", "created_by__username")
    by_id = {run[0]: run for run in runs}
    tags: dict[str, list[str]] = {run_id: [] for run_id in ids}
    for run_id, name in (
        RunTag.objects.filter(run_id__in=ids, value="")
        .order_by("name")
        .values_list("run_id", "name")
    ):
        tags[run_id].append(name)
    params = _params(ids, _keys(columns, "params"))
    metrics = _metrics(ids, _keys(columns, "metrics"))
    return tuple(
        _row(by_id[run_id], tags[run_id], params[run_id], metrics[run_id])
        for run_id in ids
        if run_id in by_id
    )


def _keys(columns: Iterable[str], kind: str) -> list[str]:
    fields = map(search.field, columns)
    return [field.key for field in fields if field.kind == kind]


def _params(ids: Sequence[str], keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {run_id: {} for run_id in ids}
    if keys:
        rows = Param.objects.filter(run_id__in=ids, key__in=keys)
        for run_id, key, text, number in rows.values_list("run_id", "key", "text", "number"):
            found[run_id][key] = text if number is None else json.loads(text)
    return found


def _metrics(ids: Sequence[str], keys: Sequence[str]) -> dict[str, dict[str, SeriesSummary]]:
    found: dict[str, dict[str, SeriesSummary]] = {run_id: {} for run_id in ids}
    if keys:
        rows = Series.objects.filter(run_id__in=ids, key__in=keys)
        for row in rows.values_list(*summaries.READ, named=True):
            found[row.run_id][row.key] = summaries.from_row(row)
    return found


def _row(
    run: Sequence[Any],
    tags: Sequence[str],
    params: dict[str, Any],
    metrics: dict[str, SeriesSummary],
) -> RunRow:
    *own, color, created_by = run
    values = dict(zip(_OWN, own, strict=True))
    return RunRow(
        **values,
        color_slot=color_slot(values["number"], color),
        tags=tuple(tags),
        created_by=created_by or "",
        params=params,
        metrics=metrics,
    )
