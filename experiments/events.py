"""Notes what happened to runs, in the transaction in which it happens.

Nothing is sent here: `inbox.spread` reads the notes afterwards, so that an end is as quick and as
certain with a hundred listeners as with none.
"""

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
    """By the best value that each run had of the project's main metric; the first is no record."""
    metric, direction = run.project.main_metric, run.project.main_metric_direction
    if not metric:
        return
    column = "most" if direction == "max" else "least"
    rows = Series.objects.filter(project=run.project_id, key=metric, run__deleted_at=None)
    rows = rows.exclude(**{column: None})
    mine = rows.filter(run=run.pk).values_list(column, flat=True).first()
    order = f"-{column}" if direction == "max" else column
    others = rows.filter(run__status=RunStatus.COMPLETED).exclude(run=run.pk)
    before = others.order_by(order).values_list(column, "run_id", "run__name").first()
    if mine is None or before is None:
        return
    if mine > before[0] if direction == "max" else mine < before[0]:
        note(
            EventKind.BEST, run_id=run.pk, project_id=run.project_id,
            metric=metric, value=mine, before=before[0], before_run=before[2],
        )  # fmt: skip


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
