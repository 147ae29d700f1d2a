"""The sweep: what died is requeued, what nobody heard of is rung again. Safe at any time, twice."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from experiments.models import Job, Worker
from experiments.models.jobs import JobStatus
from experiments.queue.doorbell import ring
from experiments.queue.ledger import lost
from experiments.queue.workers import SILENT_AFTER_S

RING_AGAIN_AFTER_S = 15
BATCH = 500


@dataclass(frozen=True)
class Swept:
    """How many jobs had lost their worker, and for how many the bell was rung again."""

    expired: int
    rung: int


def sweep() -> Swept:
    """Requeue jobs whose lease ran out and ring again for those that wait too long."""
    return Swept(expired=_requeue_expired(), rung=_ring_again())


def _requeue_expired() -> int:
    expired = Job.objects.filter(
        Q(lease_until__lt=Now()) | Q(lease_until=None), status=JobStatus.RUNNING
    ).values_list("id", "attempt", "worker__name")
    reason = f"no sign of life for {settings.LEASE_S} s"
    return sum(
        lost(job_id, attempt, reason=f"{name or 'worker'}: {reason}", only_expired=True)
        for job_id, attempt, name in list(expired[:BATCH])
    )


def _ring_again() -> int:
    """Ring where somebody listens: without a worker, messages would only pile up."""
    served = {
        queue
        for queues in Worker.objects.filter(
            stopped_at=None, heartbeat_at__gt=Now() - timedelta(seconds=SILENT_AFTER_S)
        ).values_list("queues", flat=True)
        for queue in queues
    }
    waiting = Job.objects.filter(
        Q(not_before=None) | Q(not_before__lte=Now()),
        Q(rung_at=None) | Q(rung_at__lt=Now() - timedelta(seconds=RING_AGAIN_AFTER_S)),
        status=JobStatus.QUEUED,
        queue__in=served,
    ).order_by("-priority", "id")
    jobs = list(waiting[:BATCH])
    # Any message makes a worker look at the whole ledger, so one a queue is enough.
    for job in {job.queue: job for job in reversed(jobs)}.values():
        ring(job)
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(rung_at=Now())
    return len(jobs)
