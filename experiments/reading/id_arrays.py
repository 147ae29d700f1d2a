"""The ids of very many runs: read as one text, told apart as numbers.

A row for each id costs Python more than the search for it costs the database: 50,000 ids take
15 ms as rows and 4 ms as one text (`bench/run_search.py`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, Count, QuerySet, TextField
from django.db.models.sql.compiler import SQLCompiler

from experiments.models.ids import LENGTH

Ids = npt.NDArray[np.bytes_]
Numbers = npt.NDArray[np.intp]
Marks = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
NONE: Ids = np.empty(0, f"S{LENGTH}")
_ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class _Joined(Aggregate):
    """Ids one after the other, in the order of the rows."""

    function = "GROUP_CONCAT"
    template = "%(function)s(%(expressions)s, '')"
    output_field = TextField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> Any:
        return super().as_sql(compiler, connection, function="STRING_AGG", **more)


def read(rows: QuerySet[Any, Any], column: str) -> Ids:
    """The ids in a column; in the order of a queryset that is sliced."""
    found = rows.aggregate(text=_Joined(column), rows=Count("*"))
    ids: Ids = np.frombuffer((found["text"] or "").encode("ascii"), NONE.dtype)
    assert len(ids) == found["rows"], "an id of another length"
    return ids


def numbered(parts: Sequence[Ids]) -> tuple[list[Numbers], Ids]:
    """The ids of each part as numbers from 0, equal ones for equal ids; and the id of each number.

    Ids are compared by 64 mixed bits, and by all of theirs where these are equal.
    """
    ids = np.concatenate(parts)
    words, mixed = _mixed(ids)
    order = np.argsort(mixed)
    is_new = np.ones(len(ids), bool)
    is_new[1:] = np.diff(mixed[order]) != 0
    again = np.flatnonzero(~is_new)
    if (words[order[again]] != words[order[again - 1]]).any():  # two ids of the same bits
        known, numbers = np.unique(ids, return_inverse=True)
    else:
        known = ids[order[is_new]]
        numbers = np.empty(len(ids), np.intp)
        numbers[order] = np.cumsum(is_new) - 1
    return np.split(numbers, np.cumsum([len(part) for part in parts])[:-1]), known


def among(ids: Ids, others: Ids) -> Marks:
    """Which of these ids are also among the others.

    Each of the others takes the place in a table that its mixed bits say; those that find it taken
    wait for the next round, with other bits and a smaller table.
    """
    (words, mixed), (their_words, their_mixed) = _mixed(ids), _mixed(others)
    (first, second), (their_first, their_second) = words.T, their_words.T
    marks = np.zeros(len(ids), bool)
    waiting = np.arange(len(others))
    while len(waiting):
        bits = (8 * len(waiting)).bit_length()
        shift = np.uint64(64 - bits)
        table = np.full(1 << bits, -1, np.int32)
        places = their_mixed[waiting] >> shift
        table[places] = waiting
        left = np.flatnonzero(~marks)
        there = table[mixed[left] >> shift]
        is_taken = there >= 0
        left, there = left[is_taken], there[is_taken]
        marks[left] = (first[left] == their_first[there]) & (second[left] == their_second[there])
        waiting = waiting[table[places] != waiting]
        mixed, their_mixed = mixed * _ODD[0], their_mixed * _ODD[0]
    return marks


def _mixed(ids: Ids) -> tuple[Words, Words]:
    """The two halves of each id, and 64 bits that depend on both."""
    words = np.ascontiguousarray(ids).view(np.uint64).reshape(-1, 2)
    return words, (words[:, 0] * _ODD[0]) ^ (words[:, 1] * _ODD[1])
