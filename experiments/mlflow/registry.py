"""The registry: models under names, their versions, aliases, stages and tags."""

import re
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from experiments import audit
from experiments.errors import Invalid
from experiments.mlflow.words import (
    AlreadyExists,
    Record,
    Tags,
    check_key,
    check_length,
    invalid,
    no_such,
    tag_list,
    to_ms,
)
from experiments.models import ModelAlias, ModelVersion, RegisteredModel, RegistryTag, Workspace
from experiments.models.audit import Action

LONGEST_NAME = 256
LONGEST_TAG = 100_000
LONGEST_DESCRIPTION = 10_000
LATEST = "latest"
_ALIAS = re.compile(r"[\w\-]{1,255}")
_NUMBERED = re.compile(r"[vV][0-9]+")
_STAGES = {stage.lower(): stage for stage in ModelVersion.Stage.values}
STAGES = tuple(_STAGES.values())


def shown(rows: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """With all that `record` shows."""
    return rows.prefetch_related("tag_rows", "aliases__version", "versions__tag_rows",
                                 "versions__aliases")  # fmt: skip


def find(home: Workspace, name: str) -> RegisteredModel:
    """The model of that name. Raises NotFound."""
    found = RegisteredModel.objects.filter(workspace=home, name=name).first()
    if found is None:
        raise no_such("registered model", name)
    return found


def find_version(home: Workspace, name: str, number: str) -> ModelVersion:
    """A version. Raises NotFound, and Invalid for what is no number."""
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise invalid("version", f"is {number[:60]!r}: use a whole number.")
    rows = ModelVersion.objects.select_related("model__workspace", "logged_model")
    found = rows.filter(model__workspace=home, model__name=name, number=int(number)).first()
    if found is None:
        raise no_such("model version", f"{name}/{number}")
    return found


@transaction.atomic
def create(home: Workspace, *, name: str, description: str = "", tags: Tags) -> RegisteredModel:
    """A new model. Raises Invalid, AlreadyExists."""
    _check_name(name)
    _check_description(description)
    try:
        with transaction.atomic():
            model = RegisteredModel.objects.create(
                workspace=home, name=name, description=description
            )
    except IntegrityError:
        raise _taken(name) from None
    for key, value in tags.items():
        set_tag(model, None, key, value)
    return model


def rename(model: RegisteredModel, name: str) -> None:
    """Gives it another name. Raises Invalid, AlreadyExists."""
    _check_name(name)
    try:
        with transaction.atomic():
            change(model, name=name)
    except IntegrityError:
        raise _taken(name) from None


@transaction.atomic
def delete(model: RegisteredModel) -> None:
    """Removes a model with its versions; files and runs stay."""
    audit.record(Action.MODEL_DELETED, model.name, place=model.workspace)
    model.delete()


def change(row: RegisteredModel | ModelVersion, **fields: str) -> None:
    """Sets fields of a model or of a version. Raises Invalid."""
    _check_description(fields.get("description", ""))
    for field, value in fields.items():
        setattr(row, field, value)
    type(row)._default_manager.filter(pk=row.pk).update(changed_at=Now(), **fields)


def set_tag(model: RegisteredModel, version: ModelVersion | None, key: str, value: str) -> None:
    """Writes a tag over what it was. Raises Invalid."""
    check_key("key", key)
    check_length(f"The value of tag {key!r}", value, LONGEST_TAG)
    RegistryTag.objects.update_or_create(
        model=model, version=version, key=key, defaults={"value": value}
    )


def delete_tag(model: RegisteredModel, version: ModelVersion | None, key: str) -> None:
    """Removes a tag, if it is there."""
    RegistryTag.objects.filter(model=model, version=version, key=key).delete()


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


def delete_alias(model: RegisteredModel, alias: str) -> None:
    """Removes an alias, if it is there."""
    model.aliases.filter(name=alias).delete()


def version_of_alias(model: RegisteredModel, alias: str) -> ModelVersion:
    """The version an alias points to; "latest" is the highest. Raises Invalid."""
    rows = model.versions.select_related("model", "logged_model")
    if alias.lower() == LATEST:
        found = rows.order_by("-number").first()
    else:
        found = rows.filter(aliases__name=alias).first()
    if found is None:
        raise Invalid(f"Registered model {model.name!r} has no alias {alias[:60]!r}.")
    return found


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
    change(version, stage=wanted)
    change(version.model)


def latest_versions(model: RegisteredModel, stages: Sequence[str] = ()) -> list[ModelVersion]:
    """The highest version of each stage, or of these."""
    wanted = {stage_of(stage) for stage in stages} or set(STAGES)
    latest: dict[str, ModelVersion] = {}
    for version in sorted(model.versions.all(), key=lambda one: one.number):
        latest[version.stage] = version
    return [latest[stage] for stage in STAGES if stage in latest and stage in wanted]


def record(model: RegisteredModel) -> Record:
    """A registered model as MLflow words it."""
    return {
        "name": model.name,
        "creation_timestamp": to_ms(model.created_at),
        "last_updated_timestamp": to_ms(model.changed_at),
        "description": model.description,
        "latest_versions": [version_record(one, model) for one in latest_versions(model)],
        "tags": tag_list({r.key: r.value for r in model.tag_rows.all() if r.version_id is None}),
        "aliases": [
            {"alias": alias.name, "version": str(alias.version.number)}
            for alias in sorted(model.aliases.all(), key=lambda alias: alias.name)
        ],
    }


def fresh(model: RegisteredModel) -> Record:
    """The same as it is stored now."""
    return record(shown(RegisteredModel.objects.all()).get(pk=model.pk))


def version_record(version: ModelVersion, model: RegisteredModel | None = None) -> Record:
    """A version of a model as MLflow words it."""
    return {
        "name": (model or version.model).name,
        "version": str(version.number),
        "creation_timestamp": to_ms(version.created_at),
        "last_updated_timestamp": to_ms(version.changed_at),
        "current_stage": version.stage,
        "description": version.description,
        "source": version.source,
        "run_id": version.source_run_id,
        "run_link": version.run_link,
        "model_id": version.logged_model_id or "",
        "status": "READY",
        "tags": tag_list({row.key: row.value for row in version.tag_rows.all()}),
        "aliases": sorted(alias.name for alias in version.aliases.all()),
    }


def fresh_version(version: ModelVersion) -> Record:
    """The same as it is stored now."""
    return version_record(ModelVersion.objects.select_related("model").get(pk=version.pk))


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or "/" in name or ":" in name:
        raise invalid("name", f"is {name[:60]!r}: use 1 to {LONGEST_NAME} characters but / and :.")


def _check_description(text: str) -> None:
    check_length("description", text, LONGEST_DESCRIPTION)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"A registered model {name[:200]!r} exists already.")
