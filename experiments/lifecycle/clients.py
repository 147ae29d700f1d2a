"""Runs that a client executes outside the queue: their end and their heartbeat."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from experiments.errors import Conflict, Invalid
from experiments.lifecycle.editing import set_summary
from experiments.lifecycle.runs import transition
from experiments.models import Run, RunStatus


@transaction.atomic
def finish_client_run(
    run: Run,
    *,
    status: RunStatus = RunStatus.COMPLETED,
    reason: str = "",
    summary: Mapping[str, Any] | None = None,
) -> Run:
    """Ends a run that a client executes. Repeating the same end is a no-op.

    Raises Conflict if the run belongs to a job, or ended differently.
    """
    if status not in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED):
        raise Invalid(
            "A run ends as completed, failed or cancelled.",
            fields={"status": ["Choose completed, failed or cancelled."]},
        )
    _refuse_jobs(run)
    if not transition(run, to=status, reason=reason) and run.status != status:
        raise Conflict(f"The run has {run.status} already.", code="run_already_finished")
    if summary:
        set_summary(run, summary)
    return run


def beat_client_run(run: Run) -> Run:
    """A client says that its run is alive; a crashed run is running again.

    Raises Conflict if the run belongs to a job or has ended.
    """
    _refuse_jobs(run)
    beaten = Run.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(heartbeat_at=Now())
    if beaten:
        run.refresh_from_db(fields=["heartbeat_at", "status"])
    elif not transition(run, to=RunStatus.RUNNING):
        raise Conflict(
            f"The run has {run.status} already: a heartbeat cannot revive it.",
            code="run_already_finished",
        )
    return run


def _refuse_jobs(run: Run) -> None:
    if hasattr(run, "job"):
        raise Conflict(
            "A worker executes this run: cancel or retry its job instead.", code="run_has_job"
        )
