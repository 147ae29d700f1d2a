"""Actions on a run that reach its job too: cancel, archive."""

from django.db.models.functions import Now

from experiments import queue
from experiments.errors import Conflict
from experiments.lifecycle.runs import transition
from experiments.models import Run, RunStatus
from experiments.models.runs import ACTIVE


def cancel_run(run: Run, *, reason: str = "") -> Run:
    """Stops a run: through its job where it has one. Repeating is a no-op; Conflict if ended."""
    if hasattr(run, "job"):
        queue.cancel(run.job)
        run.refresh_from_db(fields=["status", "status_reason", "finished_at"])
        return run
    done = transition(run, to=RunStatus.CANCELLED, reason=reason)
    if not done and run.status != RunStatus.CANCELLED:
        raise Conflict(f"The run has {run.status} already.", code="run_already_finished")
    return run


def archive(run: Run) -> Run:
    """Hides a run from lists; nothing is lost. Conflict while it is queued or running."""
    rows = Run.objects.filter(pk=run.pk)
    rows.filter(archived_at=None).exclude(status__in=ACTIVE).update(archived_at=Now())
    run.refresh_from_db(fields=["archived_at", "status"])
    if run.archived_at is None:
        raise Conflict(f"The run is {run.status}: cancel it first.", code="run_active")
    return run


def unarchive(run: Run) -> Run:
    """Shows an archived run in lists again."""
    Run.objects.filter(pk=run.pk).update(archived_at=None)
    run.refresh_from_db(fields=["archived_at"])
    return run
