"""Runs: made, ended and resumed by MLflow's clients, with tags that say more than they show."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments import lifecycle, snapshots
from experiments.errors import Invalid
from experiments.mlflow import experiments, statements
from experiments.mlflow.words import (
    Tags,
    check_key,
    from_ms,
    invalid,
    no_such,
    of_run,
)
from experiments.models import Project, Run, RunStatus, RunTag, User

NAME, NOTE, USER, PARENT = (
    "mlflow.runName",
    "mlflow.note.content",
    "mlflow.user",
    "mlflow.parentRunId",
)
COMMAND = "mlflow.source.name"
COMMIT, BRANCH, REMOTE = (
    "mlflow.source.git.commit",
    "mlflow.source.git.branch",
    "mlflow.source.git.repoURL",
)
STATUSES: Mapping[str, RunStatus] = {
    "RUNNING": RunStatus.RUNNING,
    "SCHEDULED": RunStatus.QUEUED,
    "FINISHED": RunStatus.COMPLETED,
    "FAILED": RunStatus.FAILED,
    "KILLED": RunStatus.CANCELLED,
}
_SHOWN = {status: word for word, status in STATUSES.items()} | {RunStatus.CRASHED: "FAILED"}
# Tags that say more than they show: on the run's page, or about its place.
TELLING = frozenset({NAME, NOTE, COMMAND, PARENT, COMMIT})


def status_word(status: str) -> str:
    """A status as MLflow words it."""
    return _SHOWN[RunStatus(status)]


def status_of(word: str) -> RunStatus:
    """The status of a word, or of its number. Raises Invalid."""
    names = list(STATUSES)
    if word in "12345":
        word = names[int(word) - 1]
    if word not in STATUSES:
        raise invalid("status", f"is {word[:60]!r}: use one of {', '.join(names)}.")
    return STATUSES[word]


def artifact_uri(run: Run) -> str:
    """Where the files of a run are."""
    return f"{experiments.location_of(run.project)}/{run.pk}/artifacts"


def user_of(run: Run) -> str:
    """Who the client says runs it; else the account that made it."""
    user = run.environment.get("user")
    return user if isinstance(user, str) else getattr(run.created_by, "username", "")


@transaction.atomic
def create(
    project: Project,
    user: User,
    *,
    user_id: str = "",
    name: str = "",
    start_time: int | None = None,
    tags: Tags,
) -> Run:
    """A new running run. Raises Invalid for a deleted experiment, or for two names."""
    if project.deleted_at is not None:
        raise Invalid("The experiment is deleted: restore it, or use another one.")
    tags = of_run(tags)
    tagged = tags.get(NAME, "")
    if name and tagged and name != tagged:
        raise invalid("run_name", f"differs from the tag {NAME}: give one of them.")
    started = timezone.now() if start_time is None else from_ms("start_time", start_time)
    environment = {"user": user_id} if user_id else {}
    run = lifecycle.create_run(
        project=project, user=user, name=_shown(name or tagged), environment=environment
    )
    run.started_at = started
    run.save(update_fields=["started_at"])
    write_tags(run, {**tags, NAME: name or tagged or run.name})
    return run


@transaction.atomic
def update(
    run: Run, *, status: RunStatus | None = None, end_time: int | None = None, name: str = ""
) -> None:
    """Changes what is given. Raises Invalid if the run is deleted, Conflict if it is a job's."""
    refuse_deleted(run)
    ended = None if end_time is None else from_ms("end_time", end_time)
    if status is not None:
        lifecycle.report_client_run(run, status=status, finished_at=ended)
    elif ended is not None and run.is_finished:
        run.finished_at = ended
        run.save(update_fields=["finished_at"])
    if name:
        set_tags(run, {NAME: name})


@transaction.atomic
def set_tags(run: Run, tags: Tags) -> None:
    """Writes tags over what they were. Raises Invalid if the run is deleted."""
    refuse_deleted(run)
    write_tags(run, of_run(tags))


@transaction.atomic
def delete_tag(run: Run, key: str) -> None:
    """Removes a tag. Raises NotFound if there is none."""
    refuse_deleted(run)
    check_key("key", key)
    if not RunTag.objects.filter(run=run, name=key).delete()[0]:
        raise no_such("tag", key)
    if key == NOTE:
        lifecycle.set_notes(run, "")
    if key == PARENT:
        lifecycle.set_parent(run, "")


def refuse_deleted(run: Run) -> None:
    """Raises Invalid if the run is deleted."""
    if run.deleted_at is not None:
        raise _deleted(run.pk)


def lock(run_id: str) -> int:
    """Locks a run that is written to, in one statement: every call that logs runs it.

    Returns its project's id. Raises Invalid if the run is deleted, NotFound if there is none.
    """
    found = statements.lock_run(run_id)
    if found is None:
        raise no_such("run", run_id)
    project_id, is_deleted = found
    if is_deleted:
        raise _deleted(run_id)
    return project_id


def _deleted(run_id: str) -> Invalid:
    return Invalid(f"Run {run_id} is deleted: restore it first.")


def write_tags(run: Run, tags: Tags) -> None:
    """Writes checked tags, and shows on the run's page what MLflow keeps in tags."""
    statements.write_tags(run.pk, run.project_id, tags)
    shown: dict[str, Any] = {}
    if name := _shown(tags.get(NAME, "")):
        shown["name"] = name
    if NOTE in tags:
        shown["notes"] = tags[NOTE]
    if COMMAND in tags:
        shown["command"] = tags[COMMAND]
    if shown:
        Run.objects.filter(pk=run.pk).update(**shown)
        for field, value in shown.items():
            setattr(run, field, value)
    if PARENT in tags:
        lifecycle.nest_as_told(run, tags[PARENT])
    if commit := tags.get(COMMIT, ""):
        _attach_commit(run, commit, tags)


def _attach_commit(run: Run, commit: str, tags: Tags) -> None:
    """Makes the commit the run's code version, if it is one and the run has none yet."""
    if run.snapshot_id is None and snapshots.is_commit(commit):
        snapshot = snapshots.store(
            workspace=run.project.workspace,
            files={},
            git_commit=commit,
            git_branch=tags.get(BRANCH, "")[:250],
            git_remote=tags.get(REMOTE, ""),
        )
        lifecycle.attach_snapshot(run, snapshot)


def _shown(name: str) -> str:
    """The name as pages show it: one printable line."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(line.split())[:200]
