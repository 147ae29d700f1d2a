"""Versions of registered models: numbered and added, their stages, and aliases that point there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from experiments import audit
from experiments.checks import check_length, invalid, no_such
from experiments.models import (
    ArtifactVersion,
    LoggedModel,
    ModelAlias,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
    User,
    Workspace,
)
from experiments.models.audit import Action
from experiments.registry import catalog
from experiments.registry.catalog import Tags

LATEST = "latest"
LONGEST_ADDRESS = 1_000
_ALIAS = re.compile(r"[\w\-]{1,255}")
_NUMBERED = re.compile(r"[vV][0-9]+")
_STAGES = {stage.lower(): stage for stage in ModelVersion.Stage.values}
STAGES = tuple(_STAGES.values())


@dataclass(frozen=True)
class Source:
    """What a version is made of: files of one of three owners below `folder`, or an address
    elsewhere; `location` is where clients of MLflow find them, `project` where its owner is.
    """

    location: str
    run_id: str
    project: Project | None = None
    logged_model: LoggedModel | None = None
    artifact_version: ArtifactVersion | None = None
    files_run: Run | None = None
    folder: str = ""


def versions() -> QuerySet[ModelVersion]:
    """All versions with what is shown of them."""
    return ModelVersion.objects.select_related(
        "model__workspace", "logged_model", "created_by"
    ).prefetch_related("tag_rows", "aliases")


def find(home: Workspace, name: str, number: str) -> ModelVersion:
    """A version. Raises NotFound, and Invalid for what is no number."""
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise invalid("version", f"is {number[:60]!r}: use a whole number.")
    rows = versions().filter(model__workspace=home, model__name=name, number=int(number))
    found = rows.first()
    if found is None:
        raise no_such("model version", f"{name}/{number}")
    return found


@transaction.atomic
def add(
    model: RegisteredModel,
    made_of: Source,
    *,
    source: str,
    user: User | None = None,
    run_link: str = "",
    description: str = "",
    tags: Tags | None = None,
) -> ModelVersion:
    """The next version of a model; `source` is how its maker named what it is made of.

    Raises Invalid.
    """
    check_length("source", source, LONGEST_ADDRESS)
    check_length("run_link", run_link, LONGEST_ADDRESS)
    catalog.check_description(description)
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
    RegisteredModel.objects.filter(pk=model.pk).update(
        last_number=F("last_number") + 1, changed_at=Now()
    )
    model.refresh_from_db(fields=["last_number"])
    version = ModelVersion.objects.create(
        model=model,
        number=model.last_number,
        source=source,
        location=made_of.location,
        folder=made_of.folder,
        logged_model=made_of.logged_model,
        artifact_version=made_of.artifact_version,
        files_run=made_of.files_run,
        files_project=made_of.project,
        source_run_id=made_of.run_id,
        run_project=_project_of_run(model.workspace_id, made_of.run_id),
        run_link=run_link,
        description=description,
        created_by=user,
    )
    for key, value in (tags or {}).items():
        catalog.set_tag(model, version, key, value)
    return version


def _project_of_run(workspace_id: int, run_id: str) -> Project | None:
    """Of any run of the workspace: what its maker may not see, others may not either."""
    found = Run.objects.select_related("project").filter(pk=run_id, project__workspace=workspace_id)
    run = found.first() if run_id else None
    return run.project if run else None


@transaction.atomic
def delete(version: ModelVersion) -> None:
    """Removes a version with its aliases; its number is not used again."""
    name = f"{version.model.name}:{version.number}"
    audit.record(Action.MODEL_VERSION_DELETED, name, place=version.model.workspace)
    version.delete()
    catalog.change(version.model)


def set_alias(version: ModelVersion, alias: str) -> None:
    """Points the alias to this version. Raises Invalid."""
    if not _ALIAS.fullmatch(alias) or alias.lower() == LATEST or _NUMBERED.fullmatch(alias):
        raise invalid(
            "alias",
            f"is {alias[:60]!r}: use 1 to 255 letters, digits, _ and -, and neither 'latest' nor a "
            "version such as 'v1'.",
        )
    ModelAlias.objects.update_or_create(
        model=version.model, name=alias, defaults={"version": version}
    )


def delete_alias(model: RegisteredModel, alias: str) -> bool:
    """Removes an alias; False if it was not there."""
    return bool(model.aliases.filter(name=alias).delete()[0])


def of_alias(model: RegisteredModel, alias: str) -> ModelVersion | None:
    """The version an alias points to; "latest" is the highest."""
    rows = versions().filter(model=model)
    if alias.lower() == LATEST:
        return rows.order_by("-number").first()
    return rows.filter(aliases__name=alias).first()


def stage_of(word: str) -> str:
    """A stage, whatever the case it is written in. Raises Invalid."""
    if word.lower() not in _STAGES:
        raise invalid("stage", f"is {word[:60]!r}: use one of {', '.join(STAGES)}.")
    return _STAGES[word.lower()]


@transaction.atomic
def move_to_stage(version: ModelVersion, stage: str, *, archive_others: bool) -> None:
    """Moves a version to a stage, and those that were there to the archive if asked to."""
    wanted = stage_of(stage)
    if archive_others:
        if wanted not in (ModelVersion.Stage.STAGING, ModelVersion.Stage.PRODUCTION):
            raise invalid("archive_existing_versions", "is for Staging and Production alone.")
        others = version.model.versions.filter(stage=wanted).exclude(pk=version.pk)
        others.update(stage=ModelVersion.Stage.ARCHIVED, changed_at=Now())
    name, before = f"{version.model.name}:{version.number}", version.stage
    if before != wanted:
        place = version.model.workspace
        audit.record(Action.MODEL_STAGE_CHANGED, name, place=place, before=before, after=wanted)
    catalog.change(version, stage=wanted)
    catalog.change(version.model)


def latest_of_stages(model: RegisteredModel, stages: Sequence[str] = ()) -> list[ModelVersion]:
    """The highest version of each stage, or of these. Raises Invalid."""
    wanted = {stage_of(stage) for stage in stages} or set(STAGES)
    latest: dict[str, ModelVersion] = {}
    for version in sorted(model.versions.all(), key=lambda one: one.number):
        latest[version.stage] = version
    return [latest[stage] for stage in STAGES if stage in latest and stage in wanted]
