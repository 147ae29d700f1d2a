"""Runs that belong together: the children of a run, the runs of a group."""

import math
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Avg, Count, Max, QuerySet, StdDev, Window
from django.db.models.functions import RowNumber

from experiments.models import Project, Run, Series
from experiments.reading.tables import rows_of
from experiments.shapes import GroupSummary, RunRow

MOST_CHILDREN = 200  # of one run, in a table
MOST_GROUPS = 500


def child_counts(parent_ids: Sequence[str], *, archived: bool = False) -> dict[str, int]:
    """How many listed children each of these runs has; none: absent."""
    rows = _listed(Run.objects.filter(parent__in=parent_ids), archived)
    return dict(rows.values_list("parent_id").annotate(n=Count("pk")).order_by())


def child_rows(
    parent_ids: Iterable[str], columns: Sequence[str], *, archived: bool = False
) -> dict[str, list[RunRow]]:
    """The first MOST_CHILDREN listed children of each run, oldest first, as rows of a table."""
    place = Window(RowNumber(), partition_by="parent", order_by="number")
    rows = _listed(Run.objects.filter(parent__in=list(parent_ids)), archived)
    first = rows.annotate(place=place).filter(place__lte=MOST_CHILDREN).order_by("number")
    parents = dict(first.values_list("pk", "parent_id"))
    found: dict[str, list[RunRow]] = {}
    for row in rows_of(list(parents), columns):
        found.setdefault(str(parents[row.id]), []).append(row)
    return found


def group_names(project: Project) -> QuerySet[Run, str]:
    """The names of the groups that have listed runs, sorted."""
    runs = _listed(Run.objects.filter(project=project, group__gt=""), archived=False)
    return runs.order_by("group").values_list("group", flat=True).distinct()


def group_summaries(
    project: Project, metric: str | None, *, name: str | None = None
) -> list[GroupSummary]:
    """The groups with listed runs, that with the newest run first; of many, MOST_GROUPS.

    Mean and standard deviation are of the last values of `metric` that are numbers.
    """
    runs = _listed(Run.objects.filter(project=project, group__gt=""), archived=False)
    if name is not None:
        runs = runs.filter(group=name)
    newest = runs.values_list("group").annotate(newest=Max("created_at"))
    moments = dict(newest.order_by("-newest", "group")[:MOST_GROUPS])
    statuses: dict[str, dict[str, int]] = {}
    counted = runs.filter(group__in=moments).values_list("group", "status").order_by()
    for group, status, n in counted.annotate(n=Count("pk")):
        statuses.setdefault(group, {})[status] = n
    numbers = _numbers(project, metric, list(moments)) if metric else {}
    return [
        GroupSummary(group, statuses[group], moment, *numbers.get(group, (None, None, 0, 0)))
        for group, moment in moments.items()
    ]


def _numbers(
    project: Project, metric: str, groups: Sequence[str]
) -> Mapping[str, tuple[float | None, float | None, int, int]]:
    """Mean, standard deviation (None below two), how many they are of, how many were no number."""
    series = Series.objects.filter(
        project=project, key=metric, run__archived_at=None, run__group__in=groups
    )
    grouped = series.values_list("run__group").order_by()
    nonfinite = dict(grouped.filter(last=None).annotate(n=Count("pk")))
    found = {group: (None, None, 0, n) for group, n in nonfinite.items()}
    # Of the population, then corrected: SQLite's of a sample fails where there is one value.
    finite = grouped.filter(last__isnull=False)
    for group, mean, sd, n in finite.annotate(Avg("last"), StdDev("last"), Count("pk")):
        corrected = sd * math.sqrt(n / (n - 1)) if n > 1 else None
        found[group] = mean, corrected, n, nonfinite.get(group, 0)
    return found


def _listed(runs: QuerySet[Run], archived: bool) -> QuerySet[Run]:
    if archived:
        return runs.filter(archived_at__isnull=False, deleted_at=None)
    return runs.filter(archived_at=None)  # what is in the trash is archived
