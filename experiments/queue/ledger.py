"""One job from claim to its end. See `experiments.models.jobs` for the rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Expression, F, Q, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Now

from experiments import events
from experiments.models import Job, JobAttempt, Run, RunStatus, Worker
from experiments.models.jobs import JobStatus
from experiments.queue.doorbell import ring

OUTCOMES = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True)
class Beat:
    """What a heartbeat learned: whether the attempt still owns its job, and whether to stop."""

    owned: bool
    cancel_requested: bool


def next_claimable(queues: Collection[str], trainers: Collection[str] | None = None) -> str | None:
    """The id of the job to claim next: highest priority first, then oldest; None when none.

    `trainers` leaves jobs of other algorithms to workers that know them.
    """
    jobs = Job.objects.filter(_is_due(), queue__in=queues, status=JobStatus.QUEUED)
    if trainers is not None:
        jobs = jobs.filter(trainer__in=trainers)
    return jobs.order_by("-priority", "id").values_list("id", flat=True).first()


def claim(job_id: str, *, worker: Worker) -> Job | None:
    """Make `worker` the owner of a queued job; None when somebody else has it or it is not due.

    The claim bumps `attempt`, the fencing number that every later write must carry.
    """
    with transaction.atomic():
        claimed = Job.objects.filter(_is_due(), id=job_id, status=JobStatus.QUEUED).update(
            status=JobStatus.RUNNING,
            attempt=F("attempt") + 1,
            worker=worker,
            lease_until=_lease_end(),
            reason="",
        )
        if not claimed:
            return None
        job = Job.objects.select_related("run__project__workspace").get(id=job_id)
        JobAttempt.objects.create(job=job, number=job.attempt, worker_name=worker.name)
        Run.objects.filter(pk=job.run_id).update(
            status=JobStatus.RUNNING,
            status_reason="",
            started_at=Coalesce(F("started_at"), Now()),
            finished_at=None,
            heartbeat_at=Now(),
        )
        job.run.refresh_from_db()
    return job


def heartbeat(job_id: str, attempt: int) -> Beat:
    """Extend the lease of a running attempt."""
    return _beat(job_id, attempt, {})


def progress(job_id: str, attempt: int, *, step: int, total: int | None) -> Beat:
    """A heartbeat that also says how far the run is, in meta-steps."""
    return _beat(job_id, attempt, {"progress_step": step, "progress_total": total})


def watch(job_id: str, attempt: int) -> Beat:
    """What a heartbeat would learn, without writing."""
    asked = owned(job_id, attempt).values_list("cancel_requested_at", flat=True).first()
    if asked is None:
        return Beat(owned=owned(job_id, attempt).exists(), cancel_requested=False)
    return Beat(owned=True, cancel_requested=True)


def resumed_from(job_id: str, attempt: int, step: int | None) -> None:
    """Note in the history which step an attempt continues from (None: the start)."""
    JobAttempt.objects.filter(job_id=job_id, number=attempt).update(resumed_from_step=step)


def finish(job_id: str, attempt: int, *, outcome: str, reason: str = "") -> bool:
    """End a running job as completed, failed or cancelled; False: the attempt is superseded."""
    status = JobStatus(outcome)
    if status not in OUTCOMES:
        raise ValueError(f"A job does not finish as {outcome}")
    with transaction.atomic():
        return _end(owned(job_id, attempt), job_id, attempt, status, str(status), reason)


def release(job_id: str, attempt: int, *, reason: str) -> bool:
    """Give a job back at the clean stop of its worker: queued again, no attempt used up.

    A job whose cancellation was asked for is cancelled instead. False: superseded.
    """
    with transaction.atomic():
        return _requeue(owned(job_id, attempt), job_id, attempt, "released", reason)


def lost(job_id: str, attempt: int, *, reason: str, only_expired: bool = False) -> bool:
    """The attempt's process died: queue the job again, or fail it after `max_attempts`.

    `only_expired` makes the answer depend on the lease as well. False: the attempt is superseded
    (or, with `only_expired`, alive).
    """
    with transaction.atomic():
        rows = owned(job_id, attempt)
        if only_expired:
            rows = rows.filter(Q(lease_until__lt=Now()) | Q(lease_until=None))
        spent = rows.filter(attempt__gte=F("max_attempts"), cancel_requested_at=None)
        if _end(spent, job_id, attempt, JobStatus.FAILED, "lost", ""):
            _explain_loss(job_id, attempt, reason)
            return True
        return _requeue(rows, job_id, attempt, "lost", reason)


def abandon(worker: Worker, *, reason: str) -> int:
    """Requeue at once whatever a worker that is known to be dead had; returns how many jobs."""
    held = Job.objects.filter(worker=worker, status=JobStatus.RUNNING).values_list("id", "attempt")
    return sum(lost(job_id, attempt, reason=reason) for job_id, attempt in list(held))


def owned(job_id: str, attempt: int) -> QuerySet[Job]:
    """The job, if this attempt is the one that runs it; the fence of every write."""
    return Job.objects.filter(id=job_id, attempt=attempt, status=JobStatus.RUNNING)


def _is_due() -> Q:
    return Q(not_before=None) | Q(not_before__lte=Now())


def _lease_end() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.LEASE_S)


def _beat(job_id: str, attempt: int, run_fields: Mapping[str, Any]) -> Beat:
    with transaction.atomic():
        rows = owned(job_id, attempt)
        if not rows.update(lease_until=_lease_end()):
            return Beat(owned=False, cancel_requested=False)
        job = rows.only("run_id", "cancel_requested_at").get()
        Run.objects.filter(pk=job.run_id).update(heartbeat_at=Now(), **run_fields)
    return Beat(owned=True, cancel_requested=job.cancel_requested_at is not None)


def _end(
    rows: QuerySet[Job], job_id: str, attempt: int, status: JobStatus, outcome: str, reason: str
) -> bool:
    changed = rows.update(status=status, reason=reason, lease_until=None, finished_at=Now())
    if changed:
        _close_attempt(job_id, attempt, outcome, reason)
        _set_run(job_id, status, reason, finished_at=Now())
        run = Run.objects.select_related("project").only("project").get(job__id=job_id)
        events.note_end(run, RunStatus(status), reason)
    return bool(changed)


def _requeue(rows: QuerySet[Job], job_id: str, attempt: int, outcome: str, reason: str) -> bool:
    cancelled = rows.exclude(cancel_requested_at=None)
    if _end(cancelled, job_id, attempt, JobStatus.CANCELLED, outcome, reason):
        return True
    # The attempt number must grow for the fence, so a release grows the allowance with it.
    growth = 1 if outcome == "released" else 0
    changed = rows.update(
        status=JobStatus.QUEUED,
        reason=reason,
        lease_until=None,
        worker=None,
        max_attempts=F("max_attempts") + growth,
    )
    if not changed:
        return False
    _close_attempt(job_id, attempt, outcome, reason)
    _set_run(job_id, JobStatus.QUEUED, reason, finished_at=None)
    ring(Job.objects.get(pk=job_id))
    return True


def _close_attempt(job_id: str, attempt: int, outcome: str, reason: str) -> None:
    JobAttempt.objects.filter(job_id=job_id, number=attempt).update(
        ended_at=Now(), outcome=outcome, reason=reason
    )


def _set_run(
    job_id: str, status: JobStatus, reason: str, *, finished_at: Expression | None
) -> None:
    Run.objects.filter(job__id=job_id).update(
        status=status, status_reason=reason, finished_at=finished_at
    )


def _explain_loss(job_id: str, attempt: int, reason: str) -> None:
    """Name every loss on a job that has no attempt left."""
    losses = JobAttempt.objects.filter(job_id=job_id, outcome="lost").count()
    times = "once" if losses == 1 else f"{losses} times"
    text = f"Worker lost {times}; the last time: {reason}"
    Job.objects.filter(pk=job_id).update(reason=text)
    Run.objects.filter(job__id=job_id).update(status_reason=text)
    JobAttempt.objects.filter(job_id=job_id, number=attempt).update(reason=reason)
