"""What people do to jobs: cancel, retry, change the priority."""

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from experiments import audit
from experiments.errors import Conflict, Invalid
from experiments.models import Checkpoint, Job, Run
from experiments.models.audit import Action
from experiments.models.jobs import JobStatus
from experiments.queue.doorbell import ring

LOWEST_PRIORITY, HIGHEST_PRIORITY = -10, 10
# Attempts that a person's retry allows, whatever came before.
RETRY_ATTEMPTS = 3


def cancel(job: Job) -> Job:
    """Cancel a queued job at once, ask a running one to stop; `job` is refreshed.

    A running job stops within about a second, or is killed. Its points are kept. Asking twice is
    the same as asking once. Raises Conflict when the job has ended.
    """
    with transaction.atomic():
        rows = Job.objects.filter(pk=job.pk)
        if rows.filter(status=JobStatus.QUEUED).update(
            status=JobStatus.CANCELLED,
            cancel_requested_at=Now(),
            finished_at=Now(),
            reason="",
        ):
            Run.objects.filter(pk=job.run_id).update(
                status=JobStatus.CANCELLED, status_reason="", finished_at=Now()
            )
        elif not rows.filter(status=JobStatus.RUNNING).update(cancel_requested_at=Now()):
            _refresh(job)
            if job.status != JobStatus.CANCELLED:
                raise Conflict(f"The job has {job.status} already.", code="job_finished")
            return job
        if job.cancel_requested_at is None:  # asking again is the same as asking once
            audit.record(Action.JOB_CANCELLED, f"{job.run.name} ({job.pk})", place=job.run.project)
    return _refresh(job)


def retry(job: Job, *, from_start: bool = False) -> Job:
    """Queue a failed or cancelled job again; it continues from its last checkpoint.

    `from_start` drops the checkpoints, so that it starts over. Raises Conflict in other states.
    """
    with transaction.atomic():
        changed = Job.objects.filter(
            pk=job.pk, status__in=(JobStatus.FAILED, JobStatus.CANCELLED)
        ).update(
            status=JobStatus.QUEUED,
            max_attempts=F("attempt") + RETRY_ATTEMPTS,
            cancel_requested_at=None,
            not_before=None,
            finished_at=None,
            worker=None,
            reason="",
        )
        if not changed:
            _refresh(job)
            raise Conflict(
                f"Only a failed or cancelled job can be retried; this one is {job.status}.",
                code="job_not_retryable",
            )
        if from_start:
            Checkpoint.objects.filter(run_id=job.run_id).delete()
        Run.objects.filter(pk=job.run_id).update(
            status=JobStatus.QUEUED, status_reason="", finished_at=None
        )
        ring(job)
    return _refresh(job)


def set_priority(job: Job, priority: int) -> Job:
    """Move a queued job. Raises Invalid out of -10 to 10, Conflict when it is not queued."""
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        limits = f"must be from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}"
        raise Invalid(f"The priority {limits}.", fields={"priority": [limits]})
    if not Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(priority=priority):
        _refresh(job)
        raise Conflict(
            f"Only a queued job has a place in the queue; this one is {job.status}.",
            code="job_not_queued",
        )
    return _refresh(job)


def _refresh(job: Job) -> Job:
    job.refresh_from_db()
    return job
