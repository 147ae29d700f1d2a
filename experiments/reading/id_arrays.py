"""The ids of very many runs: read as one text, told apart as numbers.

A row for each id costs Python more than the search for it costs the database: 50,000 ids take
15 ms as rows and 4 ms as one text (`bench/run_search.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler

from experiments.models.ids import LENGTH

Ids = npt.NDArray[np.bytes_]
Numbers = npt.NDArray[np.intp]
Marks = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]
Numeric = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
NONE: Ids = np.empty(0, f"S{LENGTH}")
_PARTS = np.dtype([("id", NONE.dtype), ("comma", "S1")])
_ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class _Joined(Aggregate):
    """Ids one after the other with commas between, in the order of the rows."""

    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> Any:
        template = "%(function)s(%(expressions)s, ',')"
        return super().as_sql(compiler, connection, function="STRING_AGG", template=template)


class _Numbers(Aggregate):
    """Numbers one after the other, in the order of the rows, to 17 digits: those of a float.

    SQLite may be off in the last one of numbers near the largest.
    """

    function = "GROUP_CONCAT"
    template = "%(function)s(printf('%%%%!.17g', %(expressions)s), ' ')"
    output_field = TextField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> Any:
        template = "STRING_AGG((%(expressions)s)::text, ' ')"
        return super().as_sql(compiler, connection, template=template, **more)


def read(rows: QuerySet[Any, Any], column: str) -> Ids:
    """The ids in a column; in the order of a queryset that is sliced."""
    return _parsed(rows.aggregate(text=_Joined(column))["text"])


def _parsed(text: str | None) -> Ids:
    if not text:
        return NONE
    parts = np.frombuffer(f"{text},".encode("ascii"), _PARTS)
    assert (parts["comma"] == b",").all(), "an id of another length"
    return np.ascontiguousarray(parts["id"])


@dataclass(frozen=True, eq=False)
class Valued:
    """Runs by what they have: `ids` of each of the `values`, one after the other, so many of each
    as `counts` says."""

    values: list[tuple[Any, ...]]
    counts: Numbers
    ids: Ids


def read_valued(rows: QuerySet[Any, Any], columns: Sequence[str], column: str) -> Valued:
    """The ids in a column by the values of others: one row for each value, however many runs."""
    by_value = rows.order_by().values_list(*columns).annotate(_ids=_Joined(column))
    values: list[tuple[Any, ...]] = []
    texts: list[str] = []
    for *value, text in by_value:
        values.append(tuple(value))
        texts.append(text)
    counts = (np.fromiter(map(len, texts), np.intp, len(texts)) + 1) // (LENGTH + 1)
    return Valued(values, counts, _parsed(",".join(texts)))


def read_numbers(rows: QuerySet[Any, Any], number: str, column: str) -> tuple[Numeric, Ids]:
    """The numbers in a column, to 17 digits, and the ids in another one; of rows that have one."""
    rows = rows.filter(**{f"{number}__isnull": False}).order_by()
    found = rows.aggregate(text=_Numbers(number), ids=_Joined(column))
    numbers = np.array((found["text"] or "").split(), np.float64)
    return numbers, _parsed(found["ids"])


def read_integers(rows: QuerySet[Any, Any], number: str, column: str) -> tuple[Integers, Ids]:
    """The whole numbers of 64 bits in a column, and the ids in another one."""
    found = rows.order_by().aggregate(text=_Joined(Cast(number, TextField())), ids=_Joined(column))
    return np.fromstring(found["text"] or "", np.int64, sep=","), _parsed(found["ids"])


def numbered(parts: Sequence[Ids]) -> tuple[list[Numbers], Ids]:
    """The ids of each part as numbers from 0, equal ones for equal ids; and the id of each number.

    Ids are compared by some mixed bits, and by all of theirs where these are equal.
    """
    ids = np.concatenate(parts)
    order, is_new = _sorted(ids)
    together = ids[order]
    again = np.flatnonzero(~is_new)
    if (together[again] != together[again - 1]).any():  # two ids of the same bits
        known, numbers = np.unique(ids, return_inverse=True)
    else:
        known = together[is_new]
        numbers = np.empty(len(ids), np.intp)
        numbers[order] = np.cumsum(is_new) - 1
    return np.split(numbers, np.cumsum([len(part) for part in parts])[:-1]), known


def _sorted(ids: Ids) -> tuple[Numbers, Marks]:
    """The places of the ids in an order that has equal ones together; which differ from the one
    before. Mixed bits are sorted that carry the place in their lowest: half the time of argsort."""
    places = np.uint64((1 << len(ids).bit_length()) - 1)
    _, mixed = _mixed(ids)
    mixed = (mixed & ~places) | np.arange(len(ids), dtype=np.uint64)
    mixed.sort()
    is_new = np.ones(len(ids), bool)
    is_new[1:] = (mixed[1:] ^ mixed[:-1]) > places
    return (mixed & places).astype(np.intp), is_new


def among(ids: Ids, others: Ids) -> Marks:
    """Which of these ids are also among the others."""
    return places(ids, others) >= 0


def places(ids: Ids, others: Ids) -> Places:
    """Where each of these ids is among the others, which differ; -1: nowhere.

    Each of the others takes the place in a table that its mixed bits say; those that find it taken
    wait for the next round, with other bits and a smaller table.
    """
    (words, mixed), (their_words, their_mixed) = _mixed(ids), _mixed(others)
    (first, second), (their_first, their_second) = words.T, their_words.T
    found = np.full(len(ids), -1, np.int32)
    waiting = np.arange(len(others))
    while len(waiting):
        bits = (8 * len(waiting)).bit_length()
        shift = np.uint64(64 - bits)
        table = np.full(1 << bits, -1, np.int32)
        slots = their_mixed[waiting] >> shift
        table[slots] = waiting
        left = np.flatnonzero(found < 0)
        there = table[mixed[left] >> shift]
        is_taken = there >= 0
        left, there = left[is_taken], there[is_taken]
        is_same = (first[left] == their_first[there]) & (second[left] == their_second[there])
        found[left[is_same]] = there[is_same]
        waiting = waiting[table[slots] != waiting]
        mixed, their_mixed = mixed * _ODD[0], their_mixed * _ODD[0]
    return found


def _mixed(ids: Ids) -> tuple[Words, Words]:
    """The two halves of each id, and 64 bits that depend on both."""
    words = np.ascontiguousarray(ids).view(np.uint64).reshape(-1, 2)
    return words, (words[:, 0] * _ODD[0]) ^ (words[:, 1] * _ODD[1])
