"""New versions of registered models, and where their files are."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from experiments import audit
from experiments.errors import DomainError
from experiments.mlflow import artifacts, logged_models, registry, runs
from experiments.mlflow.words import Tags, check_length, invalid, no_such
from experiments.models import LoggedModel, ModelVersion, Project, RegisteredModel, Run, Workspace
from experiments.models.audit import Action

PROXIED = "mlflow-artifacts:/"
_MODEL = re.compile(r"models:/(m-[0-9A-Za-z_\-]+)/?")
_VERSION = re.compile(r"models:/([^/@]+)/([0-9]+)/?")
_RUN = re.compile(r"runs:/([^/]+)/?(.*)")


@dataclass(frozen=True)
class Source:
    """What a version is made of."""

    location: str
    run_id: str
    logged_model: LoggedModel | None = None


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
    tags: Tags,
) -> ModelVersion:
    """The next version of a model, ready at once, made of what is in these projects.

    Raises Invalid, NotFound.
    """
    check_length("source", source, 1_000)
    check_length("run_link", run_link, 1_000)
    check_length("description", description, registry.LONGEST_DESCRIPTION)
    of_workspace = projects.filter(workspace=model.workspace_id)
    found = _source(model.workspace, of_workspace, source, run_id, model_id)
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
    RegisteredModel.objects.filter(pk=model.pk).update(
        last_number=F("last_number") + 1, changed_at=Now()
    )
    model.refresh_from_db(fields=["last_number"])
    version = ModelVersion.objects.create(
        model=model,
        number=model.last_number,
        source=source,
        location=found.location,
        source_run_id=found.run_id,
        logged_model=found.logged_model,
        run_link=run_link,
        description=description,
    )
    for key, value in tags.items():
        registry.set_tag(model, version, key, value)
    return version


@transaction.atomic
def delete_version(version: ModelVersion) -> None:
    """Removes a version with its aliases; its number is not used again."""
    name = f"{version.model.name}:{version.number}"
    audit.record(Action.MODEL_VERSION_DELETED, name, place=version.model.workspace)
    version.delete()
    registry.change(version.model)


def _source(
    home: Workspace, projects: QuerySet[Project], source: str, run_id: str, model_id: str
) -> Source:
    if found := _MODEL.fullmatch(source):
        made = _logged_model(projects, found[1])
        return Source(logged_models.artifact_uri(made), run_id or made.run_id or "", made)
    logged = _logged_model(projects, model_id) if model_id else None
    if found := _VERSION.fullmatch(source):
        version = registry.find_version(home, found[1], found[2])
        return Source(version.location, run_id or version.source_run_id, version.logged_model)
    if found := _RUN.fullmatch(source):
        run = _run(projects, found[1])
        return Source(f"{runs.artifact_uri(run)}/{found[2]}".rstrip("/"), run.pk, logged)
    if source.startswith(PROXIED):
        _check_proxied(projects, source, run_id, logged)
    elif not urlsplit(source).netloc or urlsplit(source).scheme in ("", "file"):
        raise invalid("source", "is a local path: name a run, a logged model or a store.")
    return Source(source, run_id, logged)


def _check_proxied(
    projects: QuerySet[Project], source: str, run_id: str, logged: LoggedModel | None
) -> None:
    """Raises Invalid for files that are not the named run's or model's."""
    try:
        place = artifacts.find(projects, source.removeprefix(PROXIED).lstrip("/"))
    except DomainError:
        place = None
    owners = {run_id, logged.pk if logged else ""}
    if place is None or place.owner.pk not in owners:
        raise invalid("source", "lies outside the files of the run or model that is named.")


def _run(projects: QuerySet[Project], run_id: str) -> Run:
    rows = Run.objects.select_related("project")
    found = rows.filter(pk=run_id, project__in=projects).first()
    if found is None:
        raise no_such("run", run_id)
    return found


def _logged_model(projects: QuerySet[Project], model_id: str) -> LoggedModel:
    found = logged_models.visible(projects).filter(pk=model_id, deleted_at=None).first()
    if found is None:
        raise no_such("logged model", model_id)
    return found
