"""A short table of runs that belong together: children of a run, a group. The best come first."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.comparison.selection import MOST as MOST_COMPARED
from dashboard.metric_names import direction_of_name, headline
from dashboard.run_table import Row
from dashboard.table_cells import cells_of
from dashboard.table_columns import Column, column_of, differing
from experiments import reading
from experiments.models import Project
from experiments.shapes import RunRow

ROWS = 50
PARAMS = 3


@dataclass(frozen=True)
class RunList:
    """`best`: the id of the run with the best main metric, where a name or the project says what
    is better; `compared`: the ids that a comparison takes."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int
    best: str
    compared: tuple[str, ...]

    @property
    def is_cut(self) -> bool:
        """Whether there are more than the rows."""
        return self.total > len(self.rows)


def spoken_for(project: Project, keys: Sequence[str]) -> tuple[str | None, str]:
    """The metric that speaks for runs with these metrics, and whether "min" or "max" is better."""
    key = headline(keys, project.main_metric)
    if key == project.main_metric:
        return key, project.main_metric_direction
    return key, direction_of_name(key) if key else ""


def run_list(project: Project, filters: str) -> RunList:
    """The runs of a project that the filter finds, and that are in no archive."""
    ids, total = _ids(project, filters, "created", descending=False)
    known = reading.series_keys(ids)
    metric, better = spoken_for(project, sorted({key for keys in known.values() for key in keys}))
    names = ["status", *(f"params.{key}" for key in differing(ids)[:PARAMS]), "seed", "created"]
    if metric is not None:
        sort = f"metrics.{metric}({better})" if better else f"metrics.{metric}"
        names[1:1] = [sort]
        ids, total = _ids(project, filters, sort, descending=better == "max")
    columns = tuple(column for name in names if (column := column_of(name)) is not None)
    runs = reading.rows_of(ids, [one.id for one in columns if one.kind != "attribute"])
    return RunList(
        columns=columns,
        rows=tuple(Row(run, cells_of(run, columns)) for run in runs),
        total=total,
        best=_best(runs, metric, better),
        compared=tuple(ids[:MOST_COMPARED]),
    )


def _ids(project: Project, filters: str, sort: str, *, descending: bool) -> tuple[list[str], int]:
    return reading.run_ids(
        project, filters=filters, sort=sort, descending=descending, offset=0, limit=ROWS,
        archived=False,
    )  # fmt: skip


def _best(runs: Sequence[RunRow], metric: str | None, better: str) -> str:
    """The first in the order of the metric, if it has a number there and is not alone."""
    if metric is None or not better or len(runs) < 2 or metric not in runs[0].metrics:
        return ""
    summary = runs[0].metrics[metric]
    value = summary.most if better == "max" else summary.least
    return runs[0].id if value is not None else ""
