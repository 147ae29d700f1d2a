"""What becomes of old versions of artifacts: rules that erase them, and what holds them.

Held is a version that an alias points to, that is pinned, that a registered model stands on, or
that a run outside the trash has read. No rule erases it, and nobody does by hand.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from experiments import audit
from experiments.errors import Conflict
from experiments.models import (
    Artifact,
    ArtifactAlias,
    ArtifactUse,
    ArtifactVersion,
    Manifest,
    ModelVersion,
)
from experiments.models.audit import Action
from experiments.problems import Problems

ERASED_AT_ONCE = 100  # by a sweep
LONGEST_DAYS = 36_500
HELD = (
    "The version has an alias, is pinned or registered, or a run has read it: undo that first, or "
    "delete the run and keep the rest of its history."
)


def held() -> QuerySet[ArtifactVersion]:
    """The versions that nothing erases."""
    aliases = ArtifactAlias.objects.filter(version=OuterRef("pk"))
    registered = ModelVersion.objects.filter(artifact_version=OuterRef("pk"))
    readers = ArtifactUse.objects.filter(
        version=OuterRef("pk"), role=ArtifactUse.Role.INPUT, run__deleted_at=None
    )
    return ArtifactVersion.objects.filter(
        Q(pinned=True) | Exists(aliases) | Exists(registered) | Exists(readers)
    )


def due() -> QuerySet[ArtifactVersion]:
    """The versions that are older than their artifact keeps them and not its newest, or past as
    many as it keeps, and are not held, the oldest first.
    """
    kept = Artifact.objects.filter(keep_days__isnull=False).values_list("keep_days", flat=True)
    older = Q(pk__in=[])
    for days in set(kept.distinct()):
        cutoff = Now() - timedelta(days=days or 0)
        older |= Q(artifact__keep_days=days, created_at__lt=cutoff)
    newer = ArtifactVersion.objects.filter(
        artifact=OuterRef("artifact"), number__gt=OuterRef("number")
    )
    count = newer.order_by().values("artifact").annotate(count=Count("pk")).values("count")
    past = Q(artifact__keep_versions__isnull=False, newer__gte=F("artifact__keep_versions"))
    holding = held().filter(pk=OuterRef("pk"))
    rows = ArtifactVersion.objects.annotate(newer=Subquery(count))
    rows = rows.filter((older & Exists(newer)) | past, ~Exists(holding))
    return rows.order_by("created_at", "pk")


def sweep(limit: int = ERASED_AT_ONCE) -> int:
    """Erases up to `limit` versions that are due; returns how many."""
    return sum(_erase_unless_held(pk) for pk in list(due().values_list("pk", flat=True)[:limit]))


@transaction.atomic
def edit(
    artifact: Artifact,
    *,
    description: str | None = None,
    keep_versions: int | None = None,
    keep_days: int | None = None,
) -> Artifact:
    """Changes what is given. `keep_versions` and `keep_days`: 0 keeps all; what is past them goes
    at once.
    """
    problems = Problems()
    before = (artifact.keep_versions, artifact.keep_days)
    if description is not None:
        artifact.description = problems.text("description", description, most=10_000, lines=True)
    if keep_versions is not None:
        artifact.keep_versions = keep_versions or None
    if keep_days is not None:
        artifact.keep_days = keep_days or None
    problems.check()
    artifact.save(update_fields=["description", "keep_versions", "keep_days"])
    if before != (artifact.keep_versions, artifact.keep_days):
        audit.record(
            Action.RETENTION_CHANGED, artifact.name, place=artifact.project,
            project=artifact.project.slug, keep_versions=artifact.keep_versions,
            keep_days=artifact.keep_days,
        )  # fmt: skip
    for pk in list(due().filter(artifact=artifact).values_list("pk", flat=True)):
        _erase_unless_held(pk)
    return artifact


def apply(artifact: Artifact) -> None:
    """Erases the oldest versions past `keep_versions`, but those that are held."""
    if artifact.keep_versions is None:
        return
    numbers = artifact.versions.order_by("-number").values_list("pk", flat=True)
    for pk in list(numbers[artifact.keep_versions :]):
        _erase_unless_held(pk)


def pin(version: ArtifactVersion, pinned: bool) -> None:
    """Keeps a version whatever the rules of its artifact say, or no longer."""
    ArtifactVersion.objects.filter(pk=version.pk).update(pinned=pinned)
    version.pinned = pinned


@transaction.atomic
def delete_version(version: ArtifactVersion) -> None:
    """Erases a version. Conflict while something holds it."""
    if not _erase_unless_held(version.pk):
        raise Conflict(HELD, code="version_held")
    project = version.artifact.project
    name = f"{version.artifact.name}:{version.number}"
    audit.record(Action.VERSION_ERASED, name, place=project, project=project.slug)


@transaction.atomic
def delete_artifact(artifact: Artifact) -> None:
    """Erases an artifact with all its versions. Conflict while something holds one of them."""
    # Whoever makes a version of it holds it, too: none comes between.
    Artifact.objects.select_for_update().filter(pk=artifact.pk).first()
    list(artifact.versions.select_for_update(of=("self",)).order_by("pk"))
    if one := artifact.versions.filter(pk__in=held().values("pk")).first():
        raise Conflict(
            f"Version {one.number} has an alias, is pinned or registered, or a run has read it.",
            code="version_held",
        )
    for version in artifact.versions.all():
        _erase(version)
    artifact.delete()
    project = artifact.project
    audit.record(Action.ARTIFACT_ERASED, artifact.name, place=project, project=project.slug)


@transaction.atomic
def _erase_unless_held(pk: int) -> bool:
    """Nothing can begin to refer to the version between the look and its end."""
    version = ArtifactVersion.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if version is None or held().filter(pk=pk).exists():
        return False
    _erase(version)
    return True


def _erase(version: ArtifactVersion) -> None:
    version.delete()
    Manifest.objects.filter(pk=version.files_id, versions=None).delete()
