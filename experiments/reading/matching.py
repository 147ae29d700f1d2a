"""Which runs of a project a search finds, asked in the way that reads least.

A condition on params, metrics and tags is a list of run ids. Where it is long and few rows are
wanted, each row's run is looked up instead; where rows of one condition are at hand, they are
counted without reading the runs. The answers are the same; `bench/run_search.py` measures them.
"""

from functools import cached_property
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from experiments import search
from experiments.models import Param, Project, Run, Series

Valued = QuerySet[Series] | QuerySet[Param]


class Matching:
    """The runs of a project that fulfil a filter; archived ones (not in the trash), or the rest.

    Raises Invalid for a filter that cannot be read.
    """

    def __init__(self, project: Project, filters: str, *, archived: bool) -> None:
        self.project = project
        self.archived = archived
        self.condition = search.parse(filters, project=project)

    def runs(self) -> QuerySet[Run]:
        return self._listed(self.condition)

    @cached_property
    def total(self) -> int:
        """How many they are."""
        driver = _driver(self.condition) if not self.archived else None
        if driver is None:
            return self.runs().count()
        rows, rest = driver
        return int(rows.filter(rest).exclude(run__in=self._unlisted()).count())

    def rows(self, valued: Valued, *, wanted: int) -> Valued:
        """Of rows with one run each, those of the runs found; `wanted` of them will be read."""
        if not self.condition and not self.archived:
            return valued.exclude(run__in=self._unlisted())
        # At most the rows of all runs that are not found are read in vain.
        if self._at_most - self.total + wanted < self.total:
            found = self._listed(_looked_up(self.condition))
            return valued.filter(Exists(found.filter(pk=OuterRef("run_id"))))
        driver = _driver(self.condition) if not self.archived else None
        if driver is None:
            return valued.filter(run__in=self.runs().values("pk"))
        rows, rest = driver
        ids = rows.filter(rest).values("run_id")
        return valued.filter(run__in=ids).exclude(run__in=self._unlisted())

    def _listed(self, condition: Q) -> QuerySet[Run]:
        runs = Run.objects.filter(project=self.project, archived_at__isnull=not self.archived)
        if self.archived:
            runs = runs.filter(deleted_at=None)
        return runs.filter(condition)

    def _unlisted(self) -> QuerySet[Run, Any]:
        """The archived ones: few beside those that a list shows."""
        runs = Run.objects.filter(project=self.project, archived_at__isnull=False)
        return runs.values("pk")

    @cached_property
    def _at_most(self) -> int:
        """Runs are numbered from 1: one step along an index."""
        newest = self.project.runs.aggregate(newest=Max("number"))["newest"]
        return int(newest or 0)


def _driver(condition: Q) -> tuple[Any, Q] | None:
    """Rows of which every run found has exactly one, and what else these rows must fulfil.

    None where the condition is not of that form: a list of ids, or such a list AND other things.
    """
    if condition.negated or (condition.connector != Q.AND and len(condition.children) > 1):
        return None
    children: list[Any] = list(condition.children)
    single = next(filter(_is_single, children), None)
    if single is None:
        return None
    return single[1], Q(*(_of_row(child) for child in children if child is not single))


def _is_single(child: Any) -> bool:
    """Rows of one key have a run once; rows of several tags may have it several times."""
    return isinstance(child, tuple) and child[0] == "pk__in" and child[1].model in (Param, Series)


def _of_row(child: Any) -> Any:
    """A condition on runs as one on rows that name their run."""
    if isinstance(child, Q):
        parts = [_of_row(part) for part in child.children]
        return Q.create(parts, connector=child.connector, negated=child.negated)
    name, value = child
    return ("run__in" if name == "pk__in" else f"run__{name}", value)


def _looked_up(child: Any) -> Any:
    """A condition on runs whose lists are asked row by row."""
    if isinstance(child, Q):
        parts = [_looked_up(part) for part in child.children]
        return Q.create(parts, connector=child.connector, negated=child.negated)
    name, value = child
    if name == "pk__in":
        return Exists(value.filter(run_id=OuterRef("pk")))
    return child
