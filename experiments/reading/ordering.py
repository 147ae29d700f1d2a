"""Orders of the run table: by a column of the runs, or by the rows of one param or metric."""

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet

from experiments import search
from experiments.errors import Invalid
from experiments.models import Param, Project, Run, Series
from experiments.models.runs import NEWEST_FIRST, OLDEST_FIRST
from experiments.reading import id_arrays
from experiments.reading.id_arrays import Ids

ATTRIBUTES = {
    "created": "created_at",
    "started": "started_at",
    "finished": "finished_at",
    "duration": "duration",
    "name": "name",
    "number": "number",
    "status": "status",
    "group": "group",
    "seed": "seed",
}
_NULLABLE = ("started_at", "finished_at", "duration", "seed")


@dataclass(frozen=True)
class Order:
    """Ordered rows of at most one per run, whose id is in `column`; `within`: those of a project.

    Rows of few runs are asked for without it: it would lead SQLite through all rows of the project.
    """

    rows: QuerySet[Any, Any]
    column: str
    within: Q

    def without(self, runs: QuerySet[Run]) -> "Order":
        """With no rows of these runs, which lists leave out: an order of runs has none."""
        if self.column == "pk":
            return self
        return replace(self, within=self.within & ~Q(run__in=runs.values("pk")))

    def of(self, ids: Ids) -> Ids:
        """These runs in order, without those that have no row."""
        rows = self.rows.filter(**{f"{self.column}__in": ids.astype(str).tolist()})
        return id_arrays.read(rows[: len(ids)], self.column)

    def between(self, start: int, end: int) -> Ids:
        """The runs at these places of the project's order."""
        return id_arrays.read(self.rows.filter(self.within)[start:end], self.column)


def order_by(project: Project, sort: str, *, descending: bool, listed: Q, archived: bool) -> Order:
    """By the name of a field; `listed` are the runs of the project that a table shows, `archived`
    ones or the others.

    Raises Invalid for what cannot be sorted by.
    """
    target = search.field(sort)
    if target.kind not in ("params", "metrics"):
        return Order(_runs(sort, descending, archived), "pk", listed)
    return Order(_valued(project, target, descending), "run_id", Q(project=project))


def _runs(name: str, descending: bool, archived: bool) -> QuerySet[Run]:
    if name not in ATTRIBUTES:
        known = f"use {', '.join(ATTRIBUTES)}, params.KEY or metrics.KEY"
        raise _bad_sort(f"{name!r} is not known; {known}.")
    runs = Run.objects.all()
    if name == "duration":
        runs = runs.annotate(duration=F("finished_at") - F("started_at"))
    column = ATTRIBUTES[name]
    if column == "created_at" and not archived:
        return runs.order_by(*(NEWEST_FIRST if descending else OLDEST_FIRST))
    nulls_last = True if column in _NULLABLE else None
    by_column = OrderBy(F(column), descending=descending, nulls_last=nulls_last)
    return runs.order_by(by_column, OrderBy(F("id"), descending=descending))


def _valued(
    project: Project, target: search.Field, descending: bool
) -> QuerySet[Series] | QuerySet[Param]:
    """The rows that have a value to sort by: numbers where the project has any."""
    sign = "-" if descending else ""
    if target.kind == "metrics":
        try:
            column = search.summary_column(target, project)
        except Invalid as error:
            raise _bad_sort(error.message) from None
        series = Series.objects.filter(key=target.key, **{f"{column}__isnull": False})
        return series.order_by(f"{sign}{column}", f"{sign}run_id")
    params = Param.objects.filter(key=target.key)
    numbers = params.filter(number__isnull=False)
    if numbers.filter(project=project).exists():
        return numbers.order_by(f"{sign}number", f"{sign}run_id")
    return params.order_by(f"{sign}text", f"{sign}run_id")


def _bad_sort(message: str) -> Invalid:
    return Invalid(f"sort: {message}", fields={"sort": [message]})
