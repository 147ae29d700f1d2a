"""Registered models: made, found, described, renamed, removed; their tags and their versions'."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Now

from experiments import audit
from experiments.checks import AlreadyExists, check_key, check_length, invalid, no_such
from experiments.models import ModelVersion, RegisteredModel, RegistryTag, Workspace
from experiments.models.audit import Action

LONGEST_NAME = 256
LONGEST_TAG = 100_000
LONGEST_DESCRIPTION = 10_000

Tags = Mapping[str, str]


def listed(rows: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """With what lists show: how many versions there are, the highest, aliases and tags."""
    return (
        rows.select_related("workspace")
        .annotate(latest=Max("versions__number"), version_count=Count("versions"))
        .prefetch_related("tag_rows", "aliases__version")
    )


def find(home: Workspace, name: str) -> RegisteredModel:
    """The model of that name. Raises NotFound."""
    rows = RegisteredModel.objects.select_related("workspace")
    found = rows.filter(workspace=home, name=name).first()
    if found is None:
        raise no_such("registered model", name)
    return found


@transaction.atomic
def create(
    home: Workspace, *, name: str, description: str = "", tags: Tags | None = None
) -> RegisteredModel:
    """A new model. Raises Invalid, AlreadyExists."""
    _check_name(name)
    check_description(description)
    try:
        with transaction.atomic():
            model = RegisteredModel.objects.create(
                workspace=home, name=name, description=description
            )
    except IntegrityError:
        raise _taken(name) from None
    for key, value in (tags or {}).items():
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
    check_description(fields.get("description", ""))
    for field, value in fields.items():
        setattr(row, field, value)
    type(row)._default_manager.filter(pk=row.pk).update(changed_at=Now(), **fields)


@transaction.atomic
def edit(
    row: RegisteredModel | ModelVersion,
    *,
    description: str | None = None,
    tags: Mapping[str, str | None] | None = None,
) -> None:
    """Changes what is given; a tag of None goes. Raises Invalid."""
    model, version = (row.model, row) if isinstance(row, ModelVersion) else (row, None)
    change(row, **({} if description is None else {"description": description}))
    for key, value in (tags or {}).items():
        if value is None:
            delete_tag(model, version, key)
        else:
            set_tag(model, version, key, value)


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


def tags_of(row: RegisteredModel | ModelVersion) -> dict[str, str]:
    """The tags of a model itself, or of a version, by key."""
    of_model = isinstance(row, RegisteredModel)
    rows = (one for one in row.tag_rows.all() if not of_model or one.version_id is None)
    return {one.key: one.value for one in sorted(rows, key=lambda one: one.key)}


def check_description(text: str) -> None:
    """Raises Invalid for one that is too long."""
    check_length("description", text, LONGEST_DESCRIPTION)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or "/" in name or ":" in name:
        raise invalid("name", f"is {name[:60]!r}: use 1 to {LONGEST_NAME} characters but / and :.")


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"A registered model {name[:200]!r} exists already.",
        fields={"name": ["Is taken: choose another, or add a version to that model."]},
    )
