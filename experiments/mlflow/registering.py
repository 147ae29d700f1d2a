"""What a source names, in the words of MLflow's clients, and versions made of it.

A version of an artifact of kind model is `mlflow-artifacts:/PROJECT/versions/ID/artifacts`, so that
MLflow's clients fetch it, too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import QuerySet

from experiments import files, paths
from experiments.checks import invalid, no_such
from experiments.errors import DomainError, Invalid
from experiments.mlflow import artifacts, logged_models, runs
from experiments.models import (
    ArtifactKind,
    ArtifactUse,
    ArtifactVersion,
    LoggedModel,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
    User,
    Workspace,
)
from experiments.registry import versions
from experiments.registry.catalog import Tags
from experiments.registry.versions import Source

PROXIED = "mlflow-artifacts:/"
_MODEL = re.compile(r"models:/(m-[0-9A-Za-z_\-]+)/?")
_VERSION = re.compile(r"models:/([^/@]+)/([0-9]+)/?")
_RUN = re.compile(r"runs:/([^/]+)/?(.*)")
Owner = TypeVar("Owner", bound=Run | LoggedModel | ArtifactVersion)


@transaction.atomic
def create_version(
    model: RegisteredModel,
    projects: QuerySet[Project],
    *,
    source: str,
    run_id: str = "",
    model_id: str = "",
    run_link: str = "",
    description: str = "",
    tags: Tags | None = None,
    user: User | None = None,
) -> ModelVersion:
    """The next version of a model, ready at once, made of what is in these projects.

    Raises Invalid, NotFound.
    """
    of_workspace = projects.filter(workspace=model.workspace_id)
    return versions.add(
        model,
        _source(model.workspace, of_workspace, source, run_id, model_id),
        source=source,
        user=user,
        run_link=run_link,
        description=description,
        tags=tags,
    )


def source_of_artifact(version: ArtifactVersion) -> str:
    """How a version of an artifact is named as a source. Raises Invalid unless it is a model."""
    if version.artifact.kind != ArtifactKind.MODEL:
        name = f"{version.artifact.name}:{version.number}"
        raise invalid(
            "artifact_version",
            f"is {name}, a {version.artifact.kind}: log it with kind='model' to register it.",
        )
    return f"{PROXIED}{version.artifact.project_id}/{artifacts.VERSIONS}/{version.pk}/artifacts"


@dataclass(frozen=True)
class MadeOf:
    """What a version shall be made of, one of four: files of a run (all of them, or those below
    `path`), a logged model, a version of an artifact of kind model, or an address elsewhere.
    """

    run: str = ""
    path: str = ""
    logged_model: str = ""
    artifact_version: int | None = None
    source: str = ""


@transaction.atomic
def register(
    model: RegisteredModel,
    projects: QuerySet[Project],
    made_of: MadeOf,
    *,
    description: str = "",
    tags: Tags | None = None,
    aliases: Sequence[str] = (),
    user: User | None = None,
) -> tuple[ModelVersion, bool]:
    """A version with aliases that point to it, and whether it was made just now: a version of an
    artifact is one version of a model, which stays as it is when it is registered again.

    Raises Invalid, NotFound.
    """
    known, source = None, _source_text(made_of)
    if made_of.artifact_version is not None:
        here = projects.filter(workspace=model.workspace_id)
        artifact = _artifact_version(here, made_of.artifact_version)
        source = source_of_artifact(artifact)
        RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        known = model.versions.filter(artifact_version=artifact).order_by("number").first()
    version = known or create_version(
        model, projects, source=source, run_id=made_of.run, description=description, tags=tags,
        user=user,
    )  # fmt: skip
    if made_of.path and not _has_files(version):
        raise invalid("path", f"names no folder of the run: no file lies below {made_of.path!r}.")
    for alias in aliases:
        versions.set_alias(version, alias)
    return version, known is None


def _has_files(version: ModelVersion) -> bool:
    owner = version.logged_model or version.files_run
    folder = "" if version.logged_model else version.folder
    return owner is None or files.below(owner.files, folder).exists()


def _source_text(made_of: MadeOf) -> str:
    named = [made_of.run, made_of.logged_model, made_of.source, made_of.artifact_version or ""]
    if sum(map(bool, named)) != 1:
        message = "Name one of run, logged_model, artifact_version and source."
        raise Invalid(message, fields={"source": [message]})
    if made_of.run:
        if made_of.path:
            paths.check(made_of.path, field="path", longest=files.LONGEST_PATH)
        return f"runs:/{made_of.run}/{made_of.path}"
    return f"models:/{made_of.logged_model}" if made_of.logged_model else made_of.source


def _artifact_version(projects: QuerySet[Project], pk: int) -> ArtifactVersion:
    rows = ArtifactVersion.objects.select_related("artifact__project")
    found = rows.filter(pk=pk, artifact__project__in=projects).first()
    if found is None:
        raise no_such("version of an artifact", str(pk))
    return found


def _source(
    home: Workspace, projects: QuerySet[Project], source: str, run_id: str, model_id: str
) -> Source:
    if found := _MODEL.fullmatch(source):
        made = _hold(_logged_model(projects, found[1]))
        return Source(
            location=logged_models.artifact_uri(made), run_id=run_id or made.run_id or "",
            project=made.project, logged_model=made,
        )  # fmt: skip
    logged = _hold(_logged_model(projects, model_id)) if model_id else None
    if found := _VERSION.fullmatch(source):
        return _copied(versions.find(home, found[1], found[2]), projects, run_id)
    if found := _RUN.fullmatch(source):
        return _of_run(_hold(_run(projects, found[1])), found[2].strip("/"), logged)
    if source.startswith(PROXIED):
        return _proxied(projects, source, run_id, logged)
    if not urlsplit(source).netloc or urlsplit(source).scheme in ("", "file"):
        raise invalid("source", "is a local path: name a run, a logged model or a store.")
    return Source(
        location=source, run_id=run_id, logged_model=logged,
        project=logged.project if logged else None,
    )  # fmt: skip


def _copied(version: ModelVersion, projects: QuerySet[Project], run_id: str) -> Source:
    of_version = {version.files_project_id, version.run_project_id} - {None}
    if of_version - set(projects.values_list("pk", flat=True)):
        raise no_such("source", f"models:/{version.model.name}/{version.number}")
    return Source(
        location=version.location,
        run_id=run_id or version.source_run_id,
        project=version.files_project,
        logged_model=version.logged_model,
        artifact_version=version.artifact_version,
        files_run=version.files_run,
        folder=version.folder,
    )


def _of_run(run: Run, folder: str, logged: LoggedModel | None) -> Source:
    """A folder of a run's files; a logged model is found under its run by its name, too."""
    location = f"{runs.artifact_uri(run)}/{folder}".rstrip("/")
    stored_here = location.startswith(PROXIED)
    of_run = stored_here and (logged is None or files.below(run.files, folder).exists())
    return Source(
        location=location,
        run_id=run.pk,
        project=run.project,
        logged_model=logged,
        files_run=run if of_run else None,
        folder=folder if of_run else "",
    )


def _proxied(
    projects: QuerySet[Project], source: str, run_id: str, logged: LoggedModel | None
) -> Source:
    """Raises Invalid for files that are not the named run's or model's, nor an artifact's."""
    try:
        place = artifacts.find(projects, source.removeprefix(PROXIED).lstrip("/"))
    except DomainError:
        place = None
    owner = place.owner if place else None
    known = isinstance(owner, ArtifactVersion) or getattr(owner, "pk", None) in (
        run_id, logged.pk if logged else "",
    )  # fmt: skip
    if place is None or owner is None or not known:
        raise invalid("source", "lies outside the files of the run or model that is named.")
    _hold(owner)
    of_artifact = owner if isinstance(owner, ArtifactVersion) else None
    if of_artifact is not None:
        source_of_artifact(of_artifact)
    return Source(
        location=source,
        run_id=run_id or (_maker_of(of_artifact, projects) if of_artifact else ""),
        project=place.project,
        logged_model=owner if isinstance(owner, LoggedModel) else logged,
        artifact_version=of_artifact,
        files_run=owner if isinstance(owner, Run) else None,
        folder=place.path,
    )


def _maker_of(version: ArtifactVersion, projects: QuerySet[Project]) -> str:
    """The first run that made it, of those that are there for whoever registers it."""
    made = version.uses.filter(
        role=ArtifactUse.Role.OUTPUT, run__deleted_at=None, run__project__in=projects
    )
    return made.order_by("pk").values_list("run_id", flat=True).first() or ""


def _hold(owner: Owner) -> Owner:
    """The owner of files, which is not erased until the transaction ends. Raises NotFound."""
    rows = type(owner)._default_manager.select_for_update(no_key=True)
    if not rows.filter(pk=owner.pk).exists():
        raise no_such("source", str(owner.pk))
    return owner


def _run(projects: QuerySet[Project], run_id: str) -> Run:
    rows = Run.objects.select_related("project", "files")
    found = rows.filter(pk=run_id, project__in=projects).first()
    if found is None:
        raise no_such("run", run_id)
    return found


def _logged_model(projects: QuerySet[Project], model_id: str) -> LoggedModel:
    found = logged_models.visible(projects).filter(pk=model_id, deleted_at=None).first()
    if found is None:
        raise no_such("logged model", model_id)
    return found
