"""Runs: made with the next number of their project, and moved from status to status."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Coalesce, Now

from experiments import events
from experiments.errors import Conflict, Invalid, NotFound
from experiments.lifecycle import params as flat
from experiments.lifecycle.nesting import find_parent, hold, not_there
from experiments.lifecycle.tags import clean_tags
from experiments.models import Project, Run, RunStatus, RunTag, Snapshot, User
from experiments.models.runs import FINISHED
from experiments.problems import Problems

LONGEST_NOTES = 100_000
LARGEST_DOCUMENT = 1_000_000  # characters of summary or environment as JSON

_ALLOWED: Mapping[str, tuple[RunStatus, ...]] = {
    RunStatus.RUNNING: (RunStatus.QUEUED, RunStatus.CRASHED),
    RunStatus.COMPLETED: (RunStatus.RUNNING, RunStatus.CRASHED),
    RunStatus.FAILED: (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CRASHED),
    RunStatus.CANCELLED: (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CRASHED),
    RunStatus.CRASHED: (RunStatus.RUNNING,),
}
_ORIGIN = re.compile(r"[!-~]{1,64}")


def create_run(
    *,
    project: Project,
    user: User | None,
    name: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    group: str = "",
    seed: int | None = None,
    status: RunStatus = RunStatus.RUNNING,
    environment: Mapping[str, Any] | None = None,
    command: str = "",
    origin: str | None = None,
    parent: str | None = None,
    id: str | None = None,
) -> Run:
    """A new run with the next number of its project; Invalid names every field that is wrong.

    `parent`: the id of the run of the project that it is nested in. `id`: its own, if it is chosen.
    """
    problems = Problems()
    leaves = _leaves(params or {}, problems)
    names = clean_tags(tags, problems)
    run = Run(
        project=project,
        name=problems.text("name", name, most=200),
        group=problems.text("group", group, most=200),
        notes=problems.text("notes", notes, most=LONGEST_NOTES, lines=True),
        command=problems.text("command", command, most=20_000, lines=True),
        seed=seed,
        status=status,
        params=dict(params or {}),
        environment=checked_document("environment", environment or {}, problems),
        created_by=user,
        origin=origin,
        parent=find_parent(project, parent, problems) if parent else None,
        **({"id": id} if id else {}),
    )
    if origin is not None and not _ORIGIN.fullmatch(origin):
        problems.add("origin", "Use 1 to 64 visible ASCII characters, such as a UUID.")
    problems.check()
    with transaction.atomic():
        if parent and not hold([parent]):
            raise not_there(project, parent)  # it was erased a moment ago
        _number(run, project)
        run.save(force_insert=True)
        flat.write(run.pk, project.pk, leaves)
        RunTag.objects.bulk_create(RunTag(run=run, project=project, name=tag) for tag in names)
        if status == RunStatus.RUNNING:
            Run.objects.filter(pk=run.pk).update(started_at=Now(), heartbeat_at=Now())
            run.refresh_from_db(fields=["started_at", "heartbeat_at"])
    return run


def _leaves(params: Mapping[str, Any], problems: Problems) -> list[flat.Leaf]:
    try:
        return flat.flatten(params)
    except Invalid as error:
        problems.take(error)
        return []


def _number(run: Run, project: Project) -> None:
    """The next number. The lock on the project makes two creators wait for each other."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    last = Run.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    run.number = (last or 0) + 1
    run.name = run.name or f"run-{run.number}"


def checked_document(path: str, value: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """A free JSON object below the size limit."""
    size = len(json.dumps(value))
    if size > LARGEST_DOCUMENT:
        problems.add(
            path, f"Is {size:,} characters long as JSON; the limit is {LARGEST_DOCUMENT:,}."
        )
    return dict(value)


def transition(run: Run, *, to: RunStatus, reason: str = "", exit_code: int | None = None) -> bool:
    """Moves a run to a status by one conditional UPDATE; False if its status forbids that."""
    changes: dict[str, Any] = {
        "status": to, "status_reason": reason[:10_000], "exit_code": exit_code,
    }  # fmt: skip
    if to in FINISHED:
        changes["finished_at"] = Now()
    if to == RunStatus.RUNNING:
        changes |= {
            "started_at": Coalesce("started_at", Now()),
            "heartbeat_at": Now(),
            "finished_at": None,
        }
    with transaction.atomic():
        changed = Run.objects.filter(pk=run.pk, status__in=_ALLOWED.get(to, ())).update(**changes)
        if changed:
            events.note_end(run, to, reason)
    run.refresh_from_db(
        fields=[
            "status",
            "status_reason",
            "exit_code",
            "started_at",
            "finished_at",
            "heartbeat_at",
        ]  # fmt: skip
    )
    return changed == 1


def attach_snapshot(run: Run, snapshot: Snapshot) -> Run:
    """Sets the code a run executed, once: Conflict if it has other code already."""
    if snapshot.workspace_id != run.project.workspace_id:
        raise NotFound("There is no such snapshot in the run's workspace.")
    attached = Run.objects.filter(pk=run.pk, snapshot=None).update(snapshot=snapshot)
    run.refresh_from_db(fields=["snapshot"])
    if not attached and run.snapshot_id != snapshot.pk:
        raise Conflict(
            "The run has a snapshot already: code is recorded once.", code="snapshot_exists"
        )
    return run
