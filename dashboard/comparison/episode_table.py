"""The numbers behind a verdict: every episode of the compared runs, and how each differs."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Compared, Selection
from experiments import reading
from experiments.comparing import statistics


@dataclass(frozen=True)
class EpisodeRow:
    """`cells` are in the order of the runs: value, and difference to the baseline's."""

    episode: str
    cells: tuple[tuple[float | None, float | None], ...]


@dataclass(frozen=True)
class EpisodeTable:
    """Rows are those that differ most first, of `pair` where one is asked for."""

    columns: tuple[Compared, ...]
    rows: tuple[EpisodeRow, ...]


def episode_table(selection: Selection, found: Evaluated) -> EpisodeTable:
    """Of the runs that have the evaluation, after the inner steps that the verdict is about."""
    tables: dict[str, Mapping[str, float]] = {
        run_id: statistics.by_episode(reading.episodes(one), found.steps[run_id], found.metric)
        for run_id, one in found.present.items()
    }
    columns = tuple(one for one in selection.compared if one.run.pk in tables)
    base = tables.get(selection.baseline.run.pk, {})
    ids = dict.fromkeys(one for table in tables.values() for one in table)
    rows = [_row(one, columns, tables, base) for one in ids]
    place = _place(selection, columns)
    return EpisodeTable(columns, tuple(sorted(rows, key=lambda row: -_size(row, place))))


def episodes_csv(table: EpisodeTable) -> str:
    """One line per episode with the value of every run, as RFC 4180 text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["episode", *(one.run.pk for one in table.columns)])
    for row in table.rows:
        writer.writerow([row.episode, *("" if value is None else value for value, _ in row.cells)])
    return out.getvalue()


def _row(
    episode: str,
    columns: tuple[Compared, ...],
    tables: Mapping[str, Mapping[str, float]],
    base: Mapping[str, float],
) -> EpisodeRow:
    of_base = base.get(episode)
    cells = []
    for one in columns:
        value = tables[one.run.pk].get(episode)
        is_other = not one.is_baseline and value is not None and of_base is not None
        cells.append((value, value - of_base if is_other else None))  # type: ignore[operator]
    return EpisodeRow(episode, tuple(cells))


def _place(selection: Selection, columns: tuple[Compared, ...]) -> int | None:
    wanted = selection.controls.get("pair")
    return next((i for i, one in enumerate(columns) if one.run.pk == wanted), None)


def _size(row: EpisodeRow, place: int | None) -> float:
    cells = row.cells if place is None else row.cells[place : place + 1]
    return max((abs(change) for _, change in cells if change is not None), default=-1.0)
