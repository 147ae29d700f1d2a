"""Runs that a client executes outside the queue: their start, heartbeat, console and end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from experiments import events, recording
from experiments.clocks import believed
from experiments.errors import Conflict, Invalid
from experiments.lifecycle.editing import set_summary
from experiments.lifecycle.runs import create_run, transition
from experiments.lifecycle.silence import hear, sign_of_life
from experiments.models import ModelVersion, Project, Run, RunStatus, User
from experiments.models.ids import is_usable
from experiments.models.runs import FINISHED
from experiments.shapes import Logged


@transaction.atomic
def create_client_run(
    *,
    project: Project,
    user: User,
    origin: str | None = None,
    parent_origin: str | None = None,
    id: str | None = None,
    started_at: datetime | None = None,
    **described: Any,
) -> tuple[Run, bool]:
    """The run of this origin in the project, and whether it was made now.

    A client that never heard the answer asks again, even weeks later: it gets the run it made,
    whatever has become of it. Without an origin each call makes a run. `parent_origin` names the
    run that it is nested in by that one's origin. `id`: made by the client as `new_id` does; it
    becomes the run's unless it was ever another's. `started_at`: by the client's clock. Raises as
    `create_run`.
    """
    if origin is not None:
        # The lock makes two creators wait for each other, as for the run's number.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if found := Run.objects.filter(project=project, origin=origin).first():
            return found, False
    if parent_origin:
        described["parent"] = _id_of_origin(project, parent_origin)
    wanted = id if id and is_usable(id) and not _was_used(id) else None
    run = create_run(project=project, user=user, origin=origin, id=wanted, **described)
    if started_at is not None:
        run.started_at = believed(started_at, timezone.now())
        run.save(update_fields=["started_at"])
    return run, True


def _was_used(id: str) -> bool:
    """Of an erased run there is no row, but versions of models may yet name it."""
    return (
        Run.objects.filter(pk=id).exists() or ModelVersion.objects.filter(source_run_id=id).exists()
    )


def _id_of_origin(project: Project, origin: str) -> str:
    found = Run.objects.filter(project=project, origin=origin).first()
    if found is None:
        problem = f"{project.slug} has no run of this origin: send that run first."
        raise Invalid(
            f"parent_origin: {problem}",
            code="parent_not_found",
            fields={"parent_origin": [problem]},
        )
    return found.pk


@transaction.atomic
def finish_client_run(
    run: Run,
    *,
    status: RunStatus = RunStatus.COMPLETED,
    reason: str = "",
    exit_code: int | None = None,
    summary: Mapping[str, Any] | None = None,
    finished_at: datetime | None = None,
) -> Run:
    """Ends a run that a client executes. Repeating the same end is a no-op. `exit_code`: of the
    client's process, where it knew it. `finished_at`: by the client's clock, and not before the
    run's start.

    Raises Conflict if the run belongs to a job, or ended differently.
    """
    if status not in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED):
        raise Invalid(
            "A run ends as completed, failed or cancelled.",
            fields={"status": ["Choose completed, failed or cancelled."]},
        )
    _refuse_jobs(run)
    is_moved = transition(run, to=status, reason=reason, exit_code=exit_code)
    if is_moved and finished_at is not None:
        ended = believed(finished_at, timezone.now())
        run.finished_at = max(ended, run.started_at or ended)
        run.save(update_fields=["finished_at"])
    if not is_moved and run.status != status:
        raise Conflict(f"The run has {run.status} already.", code="run_already_finished")
    if summary:
        set_summary(run, summary)
    return run


@transaction.atomic
def report_client_run(run: Run, *, status: RunStatus, finished_at: datetime | None = None) -> Run:
    """Takes the client's word on its run, from any status to any: what ended may be resumed.

    Raises Conflict if the run belongs to a job.
    """
    _refuse_jobs(run)
    changes: dict[str, Any] = {"status": status, "status_reason": "", "exit_code": None}
    if status in FINISHED:
        changes["finished_at"] = finished_at or Coalesce("finished_at", Now())
    else:
        changes["finished_at"] = None
    if status == RunStatus.RUNNING:
        changes |= {"started_at": Coalesce("started_at", Now()), "heartbeat_at": Now()}
    rows = Run.objects.filter(pk=run.pk)
    is_news = rows.exclude(status=status).exists()
    rows.update(**changes)
    if is_news:
        events.note_end(run, status)
    run.refresh_from_db(
        fields=["status", "status_reason", "exit_code", "started_at", "finished_at"]
    )
    return run


@transaction.atomic
def resume_client_run(run: Run, *, after_step: int | None = None) -> Run:
    """A client goes on with a run, whatever had become of it. With `after_step`, from there: later
    points and evaluations are dropped, and its console says how many.

    Raises Conflict if the run belongs to a job, or is in the trash.
    """
    _refuse_jobs(run)
    if Run.objects.filter(pk=run.pk).exclude(deleted_at=None).exists():
        raise Conflict("The run is in the trash: restore it first.", code="run_in_trash")
    reason = "Resumed."
    if after_step is not None:
        dropped = recording.rewind(run_id=run.pk, after_step=after_step, attempt=None)
        reason = f"Resumed after step {after_step}; {dropped} later points were dropped."
    report_client_run(run, status=RunStatus.RUNNING)
    recording.note(run_id=run.pk, line=reason)
    Run.objects.filter(pk=run.pk).update(status_reason=reason)
    run.refresh_from_db()
    return run


def beat_client_run(run: Run) -> Run:
    """A client says that its run is alive; a crashed run is running again.

    Raises Conflict if the run belongs to a job or has ended.
    """
    _refuse_jobs(run)
    if not hear(run):
        raise Conflict(
            f"The run has {run.status} already: a heartbeat cannot revive it.",
            code="run_already_finished",
        )
    run.refresh_from_db(fields=["heartbeat_at", "status"])
    return run


def log_client_run(run: Run, log: recording.ClientLog) -> Logged:
    """Stores console lines that a client sends: a sign of life of its run.

    Raises Conflict if the run belongs to a job, whose console its worker writes.
    """
    _refuse_jobs(run)
    with sign_of_life(run.pk):
        return recording.append_client_log(run_id=run.pk, log=log)


def _refuse_jobs(run: Run) -> None:
    if hasattr(run, "job"):
        raise Conflict(
            "A worker executes this run: cancel or retry its job instead.", code="run_has_job"
        )
