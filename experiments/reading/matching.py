"""Which runs of a project a search finds, and pages of them.

Each condition on a param, a metric or a tag is one walk along an index that gives the ids of its
runs; these are combined as arrays. A database that combines them itself looks every id up in every
other list: ten times the work where the lists are long (`bench/run_search.py`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.db.models import Max, Q, QuerySet

from experiments import search
from experiments.models import Project, Run
from experiments.reading import id_arrays
from experiments.reading.id_arrays import Ids, Marks
from experiments.reading.ordering import Order

LOOKED_UP = 400  # so few runs find their places in an order one by one
SPARE = 200  # rows to read beyond those that a page probably needs

# Which runs fulfil a part of a condition, from which runs each list names. The last mark is that of
# every run that no list names.
_Combine = Callable[[Sequence[Marks]], Marks]


class Matching:
    """The runs of a project that fulfil a filter; archived ones (not in the trash), or the rest.

    `listed`: all that the filter chooses from; `total`: how many it finds. Raises Invalid for a
    filter that cannot be read.
    """

    def __init__(self, project: Project, filters: str, *, archived: bool) -> None:
        condition = search.parse(filters, project=project)
        self._archived = archived
        self._every = Run.objects.filter(project=project)
        self.listed = Q(project=project, archived_at__isnull=not archived)
        if archived:
            self.listed &= Q(deleted_at=None)
        self._lists: list[Ids] = []
        self._is_whole = not condition and not archived
        # What is found: the runs of these ids, or all that are listed but these.
        self._ids, self._is_all_but = id_arrays.NONE, True
        self.total = self._count() if self._is_whole else self._find(condition)

    def page(self, order: Order, offset: int, limit: int, *, descending: bool) -> list[str]:
        """Ids of the runs found, in an order; those without a row in it follow by their ids."""
        end = min(offset + limit, self.total)
        page = id_arrays.NONE
        if self._is_whole:
            order = order.without(self._unlisted())
            page = order.between(offset, max(offset, end))
        if offset + len(page) < end:
            found = self._in_order(order, end)
            if len(found) < end:
                found = np.concatenate((found, self._lacking(found, descending)))
            page = found[offset:end]
        return list(map(str, page.astype(str)))

    def every(self) -> Ids:
        """The ids of all runs found, in no order."""
        if not self._is_all_but:
            return self._ids
        return self._found_of(id_arrays.read(Run.objects.filter(self.listed), "pk"))

    def _unlisted(self) -> QuerySet[Run]:
        return self._every.filter(archived_at__isnull=False)

    def _count(self) -> int:
        return Run.objects.filter(self.listed).count()

    def _find(self, condition: Q) -> int:
        combine = self._planned(condition) if condition else np.logical_or.reduce
        limits = self._every.filter(self.listed) if self._archived else self._unlisted()
        limit = self._list(limits, "pk")
        numbers, known = id_arrays.numbered(self._lists)
        marks = [np.zeros(len(known) + 1, bool) for _ in numbers]
        for mine, mark in zip(numbers, marks, strict=True):
            mark[mine] = True
        is_listed = limit(marks) if self._archived else ~limit(marks)
        is_found = combine(marks) & is_listed
        self._is_all_but = bool(is_found[-1])
        self._ids = known[is_found[:-1] != self._is_all_but]
        if not self._is_all_but:
            return len(self._ids)
        return self._count() - int(np.count_nonzero(is_listed & ~is_found))

    def _planned(self, child: Any) -> _Combine:
        """How the lists that this part of a condition needs are combined; adds these lists."""
        if isinstance(child, tuple):
            return self._list(child[1], "run_id")
        parts = [self._planned(part) for part in child.children if _is_of_rows(part)]
        if own := [part for part in child.children if not _is_of_rows(part)]:
            runs = Run.objects.filter(self.listed, Q(*own, _connector=child.connector))
            parts.append(self._list(runs, "pk"))
        join = np.logical_or if child.connector == Q.OR else np.logical_and

        def combine(marks: Sequence[Marks]) -> Marks:
            joined: Marks = join.reduce([part(marks) for part in parts])
            return ~joined if child.negated else joined

        return combine

    def _list(self, rows: QuerySet[Any, Any], column: str) -> _Combine:
        place = len(self._lists)
        self._lists.append(id_arrays.read(rows, column))
        return lambda marks: marks[place]

    def _in_order(self, order: Order, wanted: int) -> Ids:
        """So many of the runs found in an order, or all that have a row in it."""
        if not self._is_all_but and len(self._ids) <= LOOKED_UP:
            return order.of(self._ids)
        # Runs are numbered from 1: one step along an index.
        most: int = self._every.aggregate(newest=Max("number"))["newest"]
        first = min(most, wanted * most * 5 // (self.total * 4) + SPARE)
        if first * 2 > most:
            return self._found_of(order.between(0, most))
        found = self._found_of(order.between(0, first))
        if len(found) >= wanted:
            return found
        return np.concatenate((found, self._found_of(order.between(first, most))))

    def _found_of(self, ids: Ids) -> Ids:
        is_named = id_arrays.among(ids, self._ids)
        return ids[~is_named if self._is_all_but else is_named]

    def _lacking(self, having: Ids, descending: bool) -> Ids:
        """The runs found but those that have a row, by their ids."""
        every = self.every()
        ids = np.sort(every[~id_arrays.among(every, having)])
        return ids[::-1] if descending else ids


def _is_of_rows(child: Any) -> bool:
    """Whether a part of a condition asks for more than the runs' own columns."""
    if isinstance(child, Q):
        return any(map(_is_of_rows, child.children))
    return isinstance(child, tuple) and child[0] == "pk__in"
