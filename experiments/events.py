"""Notes what happened to runs, in the transaction in which it happens.

Nothing is sent here: `inbox.spread` reads the notes afterwards, so that an end is as quick and as
certain with a hundred listeners as with none.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone

from experiments.models import EventKind, Run, RunEvent, RunStatus, Series
from experiments.models.ids import new_id

KEPT_DAYS = 30
LONGEST_KEY = 100
ENDS = {
    RunStatus.COMPLETED: EventKind.FINISHED,
    RunStatus.FAILED: EventKind.FAILED,
    RunStatus.CRASHED: EventKind.FAILED,
}
_ENDS = ("least", "least_step", "most", "most_step")  # of a series
# What the machine does may well be unknown for a moment.
UNWATCHED = "system/"


def note(
    kind: EventKind, *, run_id: str, project_id: int, key: str | None = None, **detail: Any
) -> None:
    """Notes an event of a run; the same key of a kind again changes nothing."""
    row = RunEvent(run_id=run_id, project_id=project_id, kind=kind, detail=detail)
    row.key = (new_id() if key is None else key)[:LONGEST_KEY]
    RunEvent.objects.bulk_create([row], ignore_conflicts=True)


def note_end(run: Run, status: RunStatus, reason: str = "") -> None:
    """A run has ended; one that was cancelled is no news. Of a completed one also whether it is
    the best of its project now."""
    kind = ENDS.get(status)
    if kind is None:
        return
    note(kind, run_id=run.pk, project_id=run.project_id, status=status, reason=reason[:1_000])
    if status == RunStatus.COMPLETED:
        _note_best(run)


def _note_best(run: Run) -> None:
    """By the best value that each run had of the project's main metric."""
    metric, direction = run.project.main_metric, run.project.main_metric_direction
    if metric:
        rows = Series.objects.filter(run=run.pk, key=metric, run__deleted_at=None)
        for reached in rows.values("run_id", "project_id", "key", *_ENDS):
            _note_record(reached, direction)


def note_bests() -> int:
    """Notes running runs that are the best of their projects now, of each project the best one: as
    long as runs run, a project is told of at most one in `BEST_S`.

    Returns how many were noted.
    """
    running = Series.objects.filter(
        run__status=RunStatus.RUNNING, run__deleted_at=None, key=F("project__main_metric")
    ).exclude(key="")
    limit = timezone.now() - timedelta(seconds=settings.BEST_S)
    lately = RunEvent.objects.filter(kind=EventKind.BEST, happened_at__gte=limit)
    rows = running.exclude(project__in=lately.values("project"))
    fields = ("run_id", "project_id", "key", *_ENDS, "project__main_metric_direction")
    best: dict[int, dict[str, Any]] = {}
    for row in rows.values(*fields):
        direction = row["project__main_metric_direction"]
        known = best.get(row["project_id"])
        value = _value(row, direction)
        if value is None:
            continue
        if known is None or _beats(value, _value(known, direction), direction):
            best[row["project_id"]] = row
    return sum(_note_record(row, row["project__main_metric_direction"]) for row in best.values())


def _value(row: Mapping[str, Any], direction: str) -> float | None:
    value: float | None = row["most" if direction == "max" else "least"]
    return value


def _beats(value: float, other: float | None, direction: str) -> bool:
    return other is not None and (value > other if direction == "max" else value < other)


def _note_record(reached: Mapping[str, Any], direction: str) -> bool:
    """Notes what a run reached if no other that completed did as well, and if that is not told yet;
    where no other completed it is no record."""
    run_id, metric = reached["run_id"], reached["key"]
    value = _value(reached, direction)
    column = "most" if direction == "max" else "least"
    rows = Series.objects.filter(project=reached["project_id"], key=metric, run__deleted_at=None)
    others = rows.filter(run__status=RunStatus.COMPLETED).exclude(run=run_id)
    others = others.exclude(**{column: None})
    order = f"-{column}" if direction == "max" else column
    before = others.order_by(order).values_list(column, "run__name").first()
    if value is None or before is None or not _beats(value, before[0], direction):
        return False
    key = f"{value!r} {metric}"[:LONGEST_KEY]
    if RunEvent.objects.filter(run=run_id, kind=EventKind.BEST, key=key).exists():
        return False
    note(
        EventKind.BEST, run_id=run_id, project_id=reached["project_id"], key=key,
        metric=metric, value=value, step=reached[f"{column}_step"], before=before[0],
        before_run=before[1],
    )  # fmt: skip
    return True


def note_bad(*, run_id: str, project_id: int, metric: str, step: int | None) -> None:
    """A metric of a run is NaN or infinite for the first time; of each run it is told once."""
    if not metric.startswith(UNWATCHED):
        note(EventKind.NAN, run_id=run_id, project_id=project_id, key="", metric=metric, step=step)


def note_stalls() -> int:
    """Notes running runs that have logged no point for `STALL_S`; each silence once. What the
    machine does beside them, below "system/", is no sign of theirs.

    Returns how many are silent now.
    """
    limit = timezone.now() - timedelta(seconds=settings.STALL_S)
    told = Series.objects.exclude(key__startswith=UNWATCHED).filter(run=OuterRef("pk"))
    lately = told.filter(updated_at__gte=limit)
    running = Run.objects.filter(
        status=RunStatus.RUNNING, deleted_at=None, started_at__lt=limit,
        created_at__lt=limit,  # sent long after its start, it is not silent at once
    )  # fmt: skip
    silent = running.filter(~Exists(lately)).annotate(
        pointed_at=Max("series__updated_at", filter=~Q(series__key__startswith=UNWATCHED))
    )
    last = Greatest("started_at", Coalesce("pointed_at", F("started_at")))
    found = list(silent.values_list("pk", "project_id", last))
    for run_id, project_id, last in found:
        key = last.isoformat()
        note(EventKind.STALL, run_id=run_id, project_id=project_id, key=key, since=key)
    return len(found)


def drop_old() -> None:
    """Forgets events that are long over, with what was sent of them."""
    limit = Now() - timedelta(days=KEPT_DAYS)
    RunEvent.objects.filter(happened_at__lt=limit, spread_at__isnull=False).delete()
