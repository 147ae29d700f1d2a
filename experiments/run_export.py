"""The run table as CSV: all runs that a filter finds, in the order of the table, line by line."""

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from experiments import floats, reading, search
from experiments.errors import Invalid
from experiments.models import Project, Run
from experiments.shapes import RunRow

AT_ONCE = 500  # runs read together
INDEXED = 500  # characters of a param that its row keeps: longer ones are in the run's document
MOST_COLUMNS = 500
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | float


def csv_lines(
    project: Project,
    *,
    columns: Sequence[str],
    filters: str = "",
    sort: str = "created",
    descending: bool = True,
    archived: bool = False,
) -> Iterator[str]:
    """A head and a line for each run found, as RFC 4180 has it.

    `columns`: names of ATTRIBUTES, "params.KEY", "metrics.KEY", "metrics.KEY(min)" ...; the least
    and the most of a metric come with their step. Numbers are exact. Text that a spreadsheet would
    run as a formula gets an apostrophe in front. What is asked is checked, and the runs are found,
    before the first line. Raises Invalid.
    """
    fields = [_field(column) for column in columns]
    if len(fields) > MOST_COLUMNS:
        raise _bad_column(f"Name at most {MOST_COLUMNS}.")
    ids = reading.found_run_ids(
        project, filters=filters, sort=sort, descending=descending, archived=archived
    )
    return _lines(ids, columns, fields)


def _lines(
    ids: Sequence[str], columns: Sequence[str], fields: Sequence[search.Field]
) -> Iterator[str]:
    writer = csv.writer(Echo())
    named = list(zip(columns, fields, strict=True))
    heads = [head for name, field in named for head in _heads(name, field)]
    yield writer.writerow(["id", "name", *map(plain, heads)])
    keys = [name for name, field in named if field.kind != "attribute"]
    params = [field.key for field in fields if field.kind == "params"]
    for start in range(0, len(ids), AT_ONCE):
        rows = reading.rows_of(ids[start : start + AT_ONCE], keys)
        whole = _long_params(rows, params)
        for row in rows:
            cells = [cell for field in fields for cell in _cells(row, field, whole)]
            yield writer.writerow([row.id, plain(row.name), *cells])


class Echo:
    """A file for the writer of csv, which hands on what `write` answers."""

    def write(self, line: str) -> str:
        return line


def plain(text: str) -> str:
    """Text that a spreadsheet would run as a formula with an apostrophe in front."""
    return f"'{text}" if text.startswith(FORMULAS) else text


def _field(column: str) -> search.Field:
    field = search.field(column)
    if field.kind == "params" or (field.kind == "metrics" and field.summary != "best"):
        return field
    if field.kind == "attribute" and field.key in ATTRIBUTES:
        return field
    known = f"use {', '.join(ATTRIBUTES)}, params.KEY, metrics.KEY, metrics.KEY(min) or (max)"
    raise _bad_column(f"{column[:100]!r} is not known; {known}.")


def _heads(name: str, field: search.Field) -> list[str]:
    return [name, f"{name} step"] if field.summary in ("min", "max") else [name]


def _cells(row: RunRow, field: search.Field, whole: Mapping[str, Any]) -> list[Cell]:
    if field.kind == "attribute":
        return [ATTRIBUTES[field.key](row)]
    if field.kind == "params":
        if field.key not in row.params:
            return [""]
        value = row.params[field.key]
        if isinstance(value, str) and len(value) == INDEXED:
            value = _leaf(whole.get(row.id, {}), field.key, value)
        return [_value(value)]
    summary = row.metrics.get(field.key)
    if summary is None:
        return [""] if field.summary == "last" else ["", ""]
    if field.summary == "last":
        return [floats.to_json(summary.last)]
    is_min = field.summary == "min"
    value = summary.least if is_min else summary.most
    step = summary.least_step if is_min else summary.most_step
    return ["" if one is None else one for one in (value, step)]


def _value(value: Any) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return value


def _long_params(rows: Sequence[RunRow], keys: Sequence[str]) -> dict[str, Any]:
    """The whole params of the runs that have one of these cut."""
    cut = [
        row.id
        for row in rows
        if any(isinstance(v := row.params.get(k), str) and len(v) == INDEXED for k in keys)
    ]
    return dict(Run.objects.filter(pk__in=cut).values_list("pk", "params")) if cut else {}


def _leaf(params: Any, key: str, otherwise: str) -> Any:
    """The value under a dotted key, whose parts may hold dots themselves."""
    if not isinstance(params, Mapping):
        return otherwise
    if key in params:
        return params[key]
    for part, value in params.items():
        if key.startswith(f"{part}."):
            found = _leaf(value, key.removeprefix(f"{part}."), "")
            if found != "":
                return found
    return otherwise


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.isoformat().replace("+00:00", "Z")


ATTRIBUTES: Mapping[str, Callable[[RunRow], Cell]] = {
    "number": lambda row: row.number,
    "status": lambda row: row.status,
    "reason": lambda row: plain(row.status_reason),
    "tags": lambda row: plain(", ".join(row.tags)),
    "seed": lambda row: "" if row.seed is None else row.seed,
    "group": lambda row: plain(row.group),
    "user": lambda row: plain(row.created_by),
    "created": lambda row: _moment(row.created_at),
    "started": lambda row: _moment(row.started_at),
    "finished": lambda row: _moment(row.finished_at),
    "duration": lambda row: "" if row.duration_s is None else row.duration_s,
}


def _bad_column(message: str) -> Invalid:
    return Invalid(f"column: {message}", fields={"column": [message]})


def all_columns(project: Project) -> list[str]:
    """What an export holds that names no columns: attributes, params, last values of metrics."""
    known = reading.run_columns(project)
    params = [f"params.{key}" for key in known.params]
    return [*ATTRIBUTES, *params, *(f"metrics.{key}" for key in known.metrics)][:MOST_COLUMNS]


def pieces(lines: Iterator[str]) -> Iterator[str]:
    """Many lines at a time: each piece that is sent costs as much as a hundred lines."""
    while some := "".join(itertools.islice(lines, AT_ONCE)):
        yield some
