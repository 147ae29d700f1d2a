"""The statements that every batch of points runs, written out: wording them through the ORM takes
ten times as long as running them, and a batch has to be cheap to be sent often.

All of them belong into the caller's transaction.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from experiments import summaries
from experiments.models import MetricBatch, Run, Series
from experiments.shapes import SeriesSummary

_KEYS = ("run_id", "project_id", "key")
_COLUMNS = (*_KEYS, *summaries.COLUMNS)
_RUN, _BATCH, _SERIES = (model._meta.db_table for model in (Run, MetricBatch, Series))


def lock_run(run_id: str) -> int | None:
    """Locks the run against other recorders and folders; its project's id, None: no such run."""
    lock = connection.ops.for_update_sql(no_key=True)
    if not connection.features.has_select_for_update:
        lock = ""  # SQLite: the transaction is the one writer
    row = _one(f"SELECT project_id FROM {_RUN} WHERE id = %s {lock}", run_id)
    return None if row is None else row[0]


def stored_as(run_id: str, client: str, number: int) -> tuple[str, int] | None:
    """Fingerprint and number of points of the batch under this name; None: there is none."""
    row = _one(
        f"SELECT fingerprint, points FROM {_BATCH} "
        "WHERE run_id = %s AND client = %s AND number = %s",
        run_id,
        client,
        number,
    )
    return None if row is None else (row[0], row[1])


def next_number(run_id: str, client: str) -> int:
    """The number of the next batch of a client that does not number its own; the run is locked."""
    row = _one(
        f"SELECT MAX(number) FROM {_BATCH} WHERE run_id = %s AND client = %s",
        run_id,
        client,
    )
    return 0 if row is None or row[0] is None else int(row[0]) + 1


def insert_batch(
    *, run_id: str, client: str, number: int, fingerprint: str, points: int, payload: bytes
) -> None:
    _run(
        f"INSERT INTO {_BATCH} (run_id, client, number, fingerprint, points, payload) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (run_id, client, number, fingerprint, points, payload),
    )


def summaries_of(run_id: str, keys: Sequence[str]) -> dict[str, SeriesSummary]:
    """The stored summaries of these series, by key."""
    with connection.cursor() as cursor:
        cursor.execute(_select(len(keys)), [run_id, *keys])
        rows = [summaries.Stored(*row) for row in cursor.fetchall()]
    return {row.key: summaries.from_row(row) for row in rows}


@cache
def _select(keys: int) -> str:
    return (
        f"SELECT {', '.join(map(_quoted, summaries.READ))} FROM {_SERIES} "
        f"WHERE run_id = %s AND key IN ({', '.join(['%s'] * keys)})"
    )


def write_summaries(run_id: str, project_id: int, found: Mapping[str, SeriesSummary]) -> None:
    """Stores summaries, new ones and those that were there."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    rows = [
        (run_id, project_id, key, *summaries.numbers(summary), now)
        for key, summary in found.items()
    ]
    if connection.vendor == "sqlite":  # in this process: a statement of one row is worded once
        with connection.cursor() as cursor:
            cursor.executemany(_upsert(1), rows)
    else:
        _run(_upsert(len(rows)), itertools.chain.from_iterable(rows))


@cache
def _upsert(rows: int) -> str:
    names = ", ".join(map(_quoted, _COLUMNS))
    row = f"({', '.join(['%s'] * len(_COLUMNS))})"
    changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in summaries.COLUMNS)
    return (
        f"INSERT INTO {_SERIES} ({names}) VALUES {', '.join([row] * rows)} "
        f"ON CONFLICT (run_id, key) DO UPDATE SET {changes}"
    )


def _one(sql: str, *params: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def _run(sql: str, params: Iterable[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return int(cursor.rowcount)


def _quoted(name: str) -> str:
    return f'"{name}"'  # as both databases take it
