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
    words = ids.view(np.uint64).reshape(-1, 2)
    mixed = (words[:, 0] * _ODD[0]) ^ (words[:, 1] * _ODD[1])
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
    """Which of these ids are also among the others."""
    (mine, theirs), known = numbered((ids, others))
    marks = np.zeros(len(known), bool)
    marks[theirs] = True
    return marks[mine]
