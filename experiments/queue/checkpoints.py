"""States that a run can continue from: the last two are kept."""

import contextlib

from django.db import transaction

from experiments import blobs
from experiments.errors import DomainError, Superseded
from experiments.models import Checkpoint
from experiments.queue.ledger import owned

KEPT = 2


def save_checkpoint(job_id: str, attempt: int, *, step: int, data: bytes) -> Checkpoint:
    """Store the state after `step` meta-steps. All points up to `step` must be stored before.

    Raises Superseded when the attempt does not own the job any more; nothing is kept then.
    """
    blob = blobs.put(data)
    with transaction.atomic():
        job = owned(job_id, attempt).select_for_update(no_key=True).only("run_id").first()
        if job is None:
            raise Superseded(f"Attempt {attempt} does not own job {job_id} any more.")
        checkpoint, _ = Checkpoint.objects.update_or_create(
            run_id=job.run_id, step=step, defaults={"attempt": attempt, "blob": blob}
        )
        kept = Checkpoint.objects.filter(run_id=job.run_id).order_by("-step")[:KEPT]
        Checkpoint.objects.filter(run_id=job.run_id).exclude(
            pk__in=list(kept.values_list("pk", flat=True))
        ).delete()
    with contextlib.suppress(DomainError):  # what cannot be deleted now waits
        blobs.collect(limit=10)
    return checkpoint


def latest_checkpoint(run_id: str) -> Checkpoint | None:
    """The furthest state of the run, with its blob; None when there is none."""
    return Checkpoint.objects.filter(run_id=run_id).select_related("blob").order_by("-step").first()
