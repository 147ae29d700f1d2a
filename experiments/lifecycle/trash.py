"""The trash: what was deleted waits there, can be restored, and is erased after a while.

A run in the trash is archived too, so no list shows it; its page and its late points still work.
Its child runs stay where they are; when it is erased, they are nested in nothing.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Now

from experiments import audit
from experiments.errors import Conflict
from experiments.lifecycle.nesting import hold
from experiments.lifecycle.runs import transition
from experiments.models import (
    ArtifactVersion,
    Job,
    LoggedModel,
    Manifest,
    ModelVersion,
    Project,
    Run,
    RunStatus,
    Snapshot,
)
from experiments.models.audit import Action
from experiments.models.runs import ACTIVE

ERASED_AT_ONCE = 100  # by a sweep


@transaction.atomic
def trash(run: Run) -> Run:
    """Moves a run to the trash. Conflict while its job is queued or running; a client's run that
    is running is cancelled. Repeating changes nothing.
    """
    if hasattr(run, "job") and run.status in ACTIVE:
        raise Conflict(f"The run is {run.status}: cancel it first.", code="run_active")
    if run.status in ACTIVE:  # a crashed one stays crashed
        transition(run, to=RunStatus.CANCELLED, reason="Moved to the trash.")
    rows = Run.objects.filter(pk=run.pk, deleted_at=None)
    if rows.update(deleted_at=Now(), archived_at=Coalesce("archived_at", Now())):
        _note(Action.RUN_TRASHED, run)
    run.refresh_from_db(fields=["deleted_at", "archived_at"])
    return run


@transaction.atomic
def restore(run: Run) -> Run:
    """Takes a run out of the trash, and shows it in lists. Repeating changes nothing.

    Raises Conflict while its project is in the trash.
    """
    hold([run.pk])  # before its project, as everywhere
    project = Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    if project.deleted_at is not None:
        raise Conflict("Its project is in the trash: restore that.", code="project_in_trash")
    rows = Run.objects.filter(pk=run.pk).exclude(deleted_at=None)
    if rows.update(deleted_at=None, archived_at=None):
        _note(Action.RUN_RESTORED, run)
    run.refresh_from_db(fields=["deleted_at", "archived_at"])
    return run


@transaction.atomic
def erase(run: Run) -> Run:
    """Deletes a run for good, with all that is stored of it. Conflict unless it is in the trash,
    and while a version of a registered model came from it.

    Blobs that nothing else refers to go with the next collection. Returns the run as it was.
    """
    # The job first, as the queue does; both are locked against what would refer to them.
    Job.objects.select_for_update().filter(run=run).first()
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if locked.deleted_at is None:
        raise Conflict(
            "Only what is in the trash can be erased: delete it first.", code="not_trash"
        )
    came_from = _came_from(run.pk, run.project.workspace_id)
    if held := ModelVersion.objects.filter(came_from).select_related("model").first():
        raise Conflict(
            f"Version {held.number} of the registered model {held.model.name!r} came from this "
            "run: delete that version first, or leave the run in the trash.",
            code="run_registered",
        )
    children = Run.objects.filter(parent=run.pk).count()
    Run.objects.filter(pk=run.pk).delete()
    if locked.files_id is not None:
        Manifest.objects.filter(pk=locked.files_id).delete()
    if locked.snapshot_id is not None:  # others may have executed the same code
        Snapshot.objects.filter(pk=locked.snapshot_id, run=None).delete()
    _note(Action.RUN_ERASED, run, **({"children": children} if children else {}))
    return run


def _note(action: Action, run: Run, **details: Any) -> None:
    slug = run.project.slug
    audit.record(action, f"{run.name} ({run.pk})", place=run.project, project=slug, **details)


def empty_trash(limit: int = ERASED_AT_ONCE) -> int:
    """Erases runs that have been in the trash for settings.TRASH_DAYS, then projects; how many.

    What a version of a registered model came from stays, and its project with it.
    """
    erased = sum(_erase_due(run) for run in due_runs().order_by("deleted_at")[:limit])
    for project in due_projects().filter(runs=None)[:limit]:
        _erase_project(project)
    _erase_models(due_models())
    return erased


def due_runs() -> QuerySet[Run]:
    """The runs whose time in the trash is over, and that no registered model came from."""
    came_from = _came_from(OuterRef("pk"), OuterRef("project__workspace"))
    registered = ModelVersion.objects.filter(came_from)
    return Run.objects.filter(~Exists(registered), deleted_at__lt=_long_ago())


def due_projects() -> QuerySet[Project]:
    """The same of projects; they go once they have no run."""
    return Project.objects.filter(deleted_at__lt=_long_ago()).exclude(pk__in=_registered_from())


def due_models() -> QuerySet[LoggedModel]:
    """The same of logged models."""
    return LoggedModel.objects.filter(deleted_at__lt=_long_ago(), versions=None)


def _came_from(run: Any, workspace: Any) -> Q:
    """Of versions of registered models: their files are this run's, or were made by it (a logged
    model's, an artifact's, or those at an address elsewhere). Ids of runs elsewhere hold nothing.
    """
    source = Q(source_run_id=run, model__workspace=workspace)
    return source | Q(files_run=run) | Q(logged_model__run=run)


def _long_ago() -> CombinedExpression:
    return Now() - timedelta(days=settings.TRASH_DAYS)


def _erase_due(run: Run) -> bool:
    """False where it was registered, or restored, a moment ago."""
    try:
        erase(run)
    except Conflict:
        return False
    return True


def _registered_from() -> QuerySet[ModelVersion, int | None]:
    """The projects whose files versions of registered models stand on."""
    stored = Q(artifact_version__isnull=False) | Q(logged_model__isnull=False)
    rows = ModelVersion.objects.filter(stored, files_project__isnull=False)
    return rows.values_list("files_project", flat=True)


@transaction.atomic
def _erase_project(project: Project) -> None:
    _erase_models(LoggedModel.objects.filter(project=project))
    audit.record(Action.PROJECT_ERASED, project.slug, place=project)
    versions = ArtifactVersion.objects.filter(artifact__project=project)
    trees = list(versions.values_list("files", flat=True))
    project.delete()
    Manifest.objects.filter(pk__in=trees).delete()


@transaction.atomic
def _erase_models(rows: QuerySet[LoggedModel]) -> None:
    trees = list(rows.exclude(files=None).values_list("files", flat=True))
    rows.delete()
    Manifest.objects.filter(pk__in=trees).delete()


@transaction.atomic
def trash_project(project: Project) -> Project:
    """Moves a project to the trash, with all its runs. Conflict while jobs of it are active."""
    active = project.runs.filter(status__in=ACTIVE, job__isnull=False).count()
    if active:
        raise Conflict(
            f"{active} jobs of the project are queued or running: cancel them first.",
            code="run_active",
        )
    if Project.objects.filter(pk=project.pk, deleted_at=None).update(deleted_at=Now()):
        audit.record(Action.PROJECT_TRASHED, project.slug, place=project)
    for run in project.runs.filter(status__in=ACTIVE):
        transition(run, to=RunStatus.CANCELLED, reason="Its project was moved to the trash.")
    project.runs.filter(deleted_at=None).update(
        deleted_at=Now(), archived_at=Coalesce("archived_at", Now())
    )
    project.refresh_from_db(fields=["deleted_at"])
    return project


@transaction.atomic
def restore_project(project: Project) -> Project:
    """Takes a project out of the trash, with all its runs, those deleted singly before too."""
    rows = Project.objects.filter(pk=project.pk).exclude(deleted_at=None)
    if rows.update(deleted_at=None):
        audit.record(Action.PROJECT_RESTORED, project.slug, place=project)
    project.runs.exclude(deleted_at=None).update(deleted_at=None, archived_at=None)
    project.refresh_from_db(fields=["deleted_at"])
    return project
