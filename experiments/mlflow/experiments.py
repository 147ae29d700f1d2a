"""Experiments: projects under names of any characters, with tags. "0" is the project "default"."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.text import slugify

from experiments import lifecycle
from experiments.errors import Invalid, NotFound
from experiments.mlflow.words import (
    LONGEST_EXPERIMENT_TAG,
    AlreadyExists,
    Record,
    Tags,
    check_key,
    check_tags,
    invalid,
    no_such,
    tag_list,
    to_ms,
)
from experiments.models import Project, ProjectTag, Workspace

DEFAULT_ID, DEFAULT_NAME, DEFAULT_SLUG = "0", "Default", "default"
LONGEST_NAME = 500
NOTE = "mlflow.note.content"
_LONGEST_SLUG = 64
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)
_NOT_OURS = ("file", "runs", "models", "mlflow-artifacts", "http", "https")


def id_of(project: Project) -> str:
    """Its id as clients know it."""
    return DEFAULT_ID if project.slug == DEFAULT_SLUG else str(project.pk)


def name_of(project: Project) -> str:
    """Its name as clients know it."""
    fallback = DEFAULT_NAME if project.slug == DEFAULT_SLUG else project.slug
    return project.experiment_name or fallback


def location_of(project: Project) -> str:
    """Where its runs' files go."""
    return project.artifact_location or f"mlflow-artifacts:/{id_of(project)}"


def with_ids(home: Workspace | None, ids: Sequence[str]) -> Q:
    """The condition on projects of these ids. "0" is the one of `home`. Raises Invalid."""
    keys = [whole_id(one) for one in ids]
    condition = Q(pk__in=[key for key in keys if key])
    if home is not None and 0 in keys:
        condition |= Q(workspace=home, slug=DEFAULT_SLUG)
    return condition


def whole_id(experiment_id: str) -> int:
    """The number of an id. Raises Invalid."""
    if not re.fullmatch(r"[0-9]{1,18}", experiment_id):
        raise invalid("experiment_id", f"is {experiment_id[:60]!r}: use an id, a whole number.")
    return int(experiment_id)


def ensure_default(workspace: Workspace) -> Project:
    """The experiment "0", made if it is not there."""
    found = Project.objects.filter(workspace=workspace, slug=DEFAULT_SLUG).first()
    if found is not None:
        return found
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        project, _ = Project.objects.get_or_create(
            workspace=workspace,
            slug=DEFAULT_SLUG,
            defaults={"name": DEFAULT_NAME, "experiment_name": DEFAULT_NAME},
        )
    return project


def named(workspace: Workspace, name: str) -> QuerySet[Project]:
    """The project that answers under this name, deleted or not; case matters."""
    by_slug = Q(experiment_name="", slug=name) & ~Q(slug=DEFAULT_SLUG)
    if name == DEFAULT_NAME:
        by_slug = Q(experiment_name="", slug=DEFAULT_SLUG)
    return Project.objects.filter(Q(experiment_name=name) | by_slug, workspace=workspace)


def by_name(workspace: Workspace, name: str, projects: QuerySet[Project]) -> Project:
    """The same if it is among `projects`, or NotFound."""
    rows = named(workspace, name).filter(pk__in=projects.values("pk"))
    found = rows.order_by("-experiment_name").first()
    if found is None:
        raise no_such("experiment", name)
    return found


@transaction.atomic
def create(workspace: Workspace, *, name: str, location: str = "", tags: Tags) -> Project:
    """A new experiment. Raises Invalid, and AlreadyExists if one has that name, deleted or not."""
    _check_name(name)
    _check_location(location)
    check_tags(tags, LONGEST_EXPERIMENT_TAG)
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)  # creators take turns
    if name == DEFAULT_NAME:
        ensure_default(workspace)
    _refuse_taken(workspace, name)
    project = lifecycle.create_project(
        workspace=workspace, slug=_free_slug(workspace, name), name=_shown(name)
    )
    project.experiment_name, project.artifact_location = name, location
    project.save(update_fields=["experiment_name", "artifact_location"])
    _write_tags(project, tags)
    return project


@transaction.atomic
def rename(project: Project, name: str) -> None:
    """Gives it another name. Raises Invalid if deleted, AlreadyExists if the name is taken."""
    _refuse_deleted(project)
    _check_name(name)
    Workspace.objects.select_for_update(no_key=True).get(pk=project.workspace_id)
    if name != name_of(project):
        _refuse_taken(project.workspace, name)
    project.experiment_name, project.name = name, _shown(name)
    try:
        with transaction.atomic():
            project.save(update_fields=["experiment_name", "name"])
    except IntegrityError:
        raise _taken(name) from None
    _touch(project)


@transaction.atomic
def delete(project: Project) -> None:
    """Moves it to the trash with its runs. Raises NotFound if it is there already."""
    if project.deleted_at is not None:
        raise NotFound(f"Experiment {name_of(project)!r} is deleted already.")
    lifecycle.trash_project(project)
    _touch(project)


@transaction.atomic
def restore(project: Project) -> None:
    """Takes it out of the trash with all its runs. Raises NotFound if it is not there."""
    if project.deleted_at is None:
        raise NotFound(f"Experiment {name_of(project)!r} is not deleted.")
    lifecycle.restore_project(project)
    _touch(project)


@transaction.atomic
def set_tag(project: Project, key: str, value: str) -> None:
    """Writes a tag over what it was."""
    _refuse_deleted(project)
    _write_tags(project, check_tags({key: value}, LONGEST_EXPERIMENT_TAG))
    _touch(project)


@transaction.atomic
def delete_tag(project: Project, key: str) -> None:
    """Removes a tag. Raises NotFound if there is none."""
    _refuse_deleted(project)
    check_key("key", key)
    if not ProjectTag.objects.filter(project=project, name=key).delete()[0]:
        raise no_such("tag", key)
    _touch(project)


def _write_tags(project: Project, tags: Mapping[str, str]) -> None:
    ProjectTag.objects.bulk_create(
        [ProjectTag(project=project, name=key, value=value) for key, value in tags.items()],
        update_conflicts=True, unique_fields=["project", "name"], update_fields=["value"],
    )  # fmt: skip
    if NOTE in tags:
        project.description = tags[NOTE][:10_000]
        project.save(update_fields=["description"])


def record(project: Project) -> Record:
    """An experiment as MLflow words it; `tag_rows` are best prefetched."""
    changed = project.changed_at or project.created_at
    return {
        "experiment_id": id_of(project),
        "name": name_of(project),
        "artifact_location": location_of(project),
        "lifecycle_stage": "active" if project.deleted_at is None else "deleted",
        "creation_time": to_ms(project.created_at),
        "last_update_time": to_ms(changed),
        "tags": tag_list({row.name: row.value for row in project.tag_rows.all()}),
    }


def _touch(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(changed_at=Now())


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME:
        raise invalid("name", f"is {len(name)} characters long: use 1 to {LONGEST_NAME}.")


def _check_location(location: str) -> None:
    """Refuses what this server, rather than the client, would have to read and write."""
    if not location:
        return
    parts = urlsplit(location)
    if not _SCHEME.fullmatch(parts.scheme) or parts.scheme.lower() in _NOT_OURS or not parts.netloc:
        raise invalid(
            "artifact_location",
            "can be a store that clients reach by themselves, such as s3://bucket/folder; leave it "
            "out to keep files here.",
        )
    if parts.query or parts.fragment or len(location) > LONGEST_NAME:
        raise invalid("artifact_location", "must be short, without a query and a fragment.")


def _refuse_taken(workspace: Workspace, name: str) -> None:
    if named(workspace, name).exists():
        raise _taken(name)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"An experiment {name[:200]!r} exists already, active or deleted: choose another name."
    )


def _refuse_deleted(project: Project) -> None:
    if project.deleted_at is not None:
        raise Invalid(f"Experiment {name_of(project)!r} is deleted: restore it first.")


def _shown(name: str) -> str:
    """The name as pages show it: one printable line."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(line.split())[:120] or "experiment"


def _free_slug(workspace: Workspace, name: str) -> str:
    """The name as a slug that no project of the workspace has."""
    slug = (
        slugify(name).replace("_", "-").strip("-")[: _LONGEST_SLUG - 6].strip("-") or "experiment"
    )
    rows = Project.objects.filter(workspace=workspace, slug__startswith=slug)
    taken = {*rows.values_list("slug", flat=True), DEFAULT_SLUG}
    if slug not in taken:
        return slug
    return next(free for n in range(2, 100_000) if (free := f"{slug}-{n}") not in taken)
