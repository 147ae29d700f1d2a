"""Blocks with their data: curves of a panel, the verdict, a table of runs. Only of one project.

Whoever reads a report may be a guest: nothing here asks who that is, and everything is of the
report's own project.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.chart_query import ChartQuery
from dashboard.charts.learning_curves import Curve, drawn_note, learning_curves
from dashboard.comparison.evaluations import Evaluated, evaluated
from dashboard.comparison.selection import LEAST, Selection, looks
from dashboard.comparison.selection import MOST as MOST_COMPARED
from dashboard.comparison.verdict_view import VerdictView, verdict_view
from dashboard.reports.blocks import Panel, RunsBlock, RunSet, VerdictBlock
from dashboard.run_curves import run_curves
from dashboard.run_table import Row
from dashboard.table_cells import cells_of
from dashboard.table_columns import Column, column_of, first_columns, ranked_metrics, sampled_runs
from experiments import reading, search
from experiments.errors import Invalid
from experiments.models import Project, Run
from experiments.shapes import SeriesSummary, SeriesView, Window

WIDTH = 600  # points of a line that is drawn once


@dataclass(frozen=True)
class Drawn:
    """Curves with what is said about them. `empty`: the sentence that stands for no curve."""

    figure: dict[str, Any]  # its columns packed
    curves: tuple[Curve, ...]
    summaries: Mapping[str, SeriesSummary]  # by run
    empty: str
    note: str
    is_live: bool


@dataclass(frozen=True)
class Judged:
    """A verdict; `problem` says why there is none."""

    selection: Selection | None = None
    evaluated: Evaluated | None = None
    view: VerdictView | None = None
    problem: str = ""


@dataclass(frozen=True)
class Listed:
    """A table of runs, the first of `total`."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int


def runs_of(project: Project, asked: RunSet, limit: int) -> list[Run]:
    """The runs of a set that are there, as told, or the newest first. Raises Invalid for a filter
    that cannot be read."""
    known = project.runs.filter(deleted_at=None).select_related("project__workspace", "snapshot")
    wanted: Sequence[str] = asked.ids
    if not wanted:
        wanted = _found(project, asked.filters, "created", descending=True, limit=limit)[0]
    found = known.in_bulk(wanted[:limit])
    return [found[run_id] for run_id in wanted if run_id in found]


def drawn(project: Project, panel: Panel, query: ChartQuery | None = None) -> Drawn:
    """The curves of a panel, as its reader zoomed them. Raises Invalid as `runs_of`."""
    runs = {run.pk: run for run in runs_of(project, panel.runs, panel.limit)}
    asked = query or ChartQuery(Window(panel.x, None, None), panel.smooth, WIDTH)
    views = [view for view in asked.read(list(runs), [panel.metric]) if len(view.x)]
    curves = run_curves(runs, views)
    look = replace(asked.look, is_log=asked.is_log or panel.log)
    summaries = reading.series_summaries([view.run_id for view in views], [panel.metric])
    return Drawn(
        figure=learning_curves(curves, look),
        curves=tuple(curves),
        summaries={run_id: of_run[panel.metric] for run_id, of_run in summaries.items()},
        empty="" if curves else _nothing(runs, panel),
        note=_note(views, len(runs)),
        is_live=any(not run.is_finished for run in runs.values()),
    )


def _nothing(runs: Mapping[str, Run], panel: Panel) -> str:
    if not runs:
        return "No run of this project is in this set."
    return f"None of these {len(runs)} runs has logged {panel.metric}."


def _note(views: Sequence[SeriesView], runs: int) -> str:
    left_out = runs - len(views)
    parts = [drawn_note(views)]
    if views and left_out:
        parts.append(f"{left_out} of {runs} runs have not logged it")
    return "; ".join(part for part in parts if part)


def judged(project: Project, block: VerdictBlock) -> Judged:
    """The verdict over a set of runs."""
    runs = runs_of(project, block.runs, MOST_COMPARED)
    if len(runs) < LEAST:
        return Judged(problem=f"A verdict needs {LEAST} runs or more; this set has {len(runs)}.")
    baseline = next((run.pk for run in runs if block.baseline in (run.pk, run.name)), None)
    if block.baseline and baseline is None:
        raise Invalid(f"baseline: none of the runs is called {block.baseline[:60]!r}.")
    selection = Selection(looks(runs, baseline), dict(block.controls))
    found = evaluated(selection)
    return Judged(selection, found, verdict_view(selection, found))


def listed(project: Project, block: RunsBlock) -> Listed:
    """The table of a set of runs. Raises Invalid for a filter or an order that cannot be read."""
    columns = block.columns or _usual(project)
    if block.runs.ids and not block.sort:
        ids: list[str] = [run.pk for run in runs_of(project, block.runs, block.limit)]
        total = len(block.runs.ids)
    else:
        filters = block.runs.filters
        if block.runs.ids:
            filters = f"id IN ({', '.join(map(search.quoted, block.runs.ids))})"
        sort, descending = (block.sort, block.descending) if block.sort else ("created", True)
        ids, total = _found(project, filters, sort, descending=descending, limit=block.limit)
    rows = reading.rows_of(ids, [one.id for one in columns if one.kind != "attribute"])
    return Listed(columns, tuple(Row(run, cells_of(run, columns)) for run in rows), total)


def _usual(project: Project) -> tuple[Column, ...]:
    sample = sampled_runs(project)
    metrics = ranked_metrics(project, reading.run_columns(project), sample)
    chosen: list[Any] = [column_of(one) for one in first_columns(sample, metrics)]
    return tuple(column for column in chosen if column is not None)


def _found(
    project: Project, filters: str, sort: str, *, descending: bool, limit: int
) -> tuple[list[str], int]:
    return reading.run_ids(
        project, filters=filters, sort=sort, descending=descending, offset=0, limit=limit,
        archived=False,
    )  # fmt: skip
