"""Versions of artifacts as rows of a page: what each is, and the runs that made and read it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.urls import reverse

from experiments.models import ArtifactUse, ArtifactVersion, Run, User
from experiments.models.projects import shut_from

MOST_USES = 200  # versions on the page of a run
OUTPUT, INPUT = ArtifactUse.Role.OUTPUT, ArtifactUse.Role.INPUT


@dataclass(frozen=True)
class VersionRow:
    """A version with its address, its aliases, and the runs of its two roles."""

    version: ArtifactVersion
    href: str
    aliases: list[str]
    makers: list[Run]
    readers: list[Run]


@dataclass(frozen=True)
class UsedVersion:
    """A version that a run made, or read."""

    row: VersionRow
    made: bool


def versions() -> QuerySet[ArtifactVersion]:
    """All versions with what rows show of them, but for their runs."""
    return (
        ArtifactVersion.objects.defer("metadata")
        .select_related("artifact__project__workspace")
        .prefetch_related("aliases")
    )


def rows_of(found: Sequence[ArtifactVersion], reader: User) -> list[VersionRow]:
    """Rows in the order of `found`, with one query for those of their runs that the reader sees."""
    uses = ArtifactUse.objects.filter(
        ~Q(run__project__in=shut_from(reader)), version__in=[one.pk for one in found]
    ).select_related("run")
    light = uses.only("role", "version_id", "run__name", "run__number", "run__deleted_at")
    runs: dict[tuple[int, str], list[Run]] = {}
    for use in light.order_by("id"):
        runs.setdefault((use.version_id, use.role), []).append(use.run)
    return [
        VersionRow(
            version=one,
            href=address(one),
            aliases=sorted(alias.name for alias in one.aliases.all()),
            makers=runs.get((one.pk, OUTPUT), []),
            readers=runs.get((one.pk, INPUT), []),
        )
        for one in found
    ]


def address(version: ArtifactVersion) -> str:
    """The page of the artifact with this version open."""
    artifact = version.artifact
    project = artifact.project
    page = reverse("artifact", args=[project.workspace.slug, project.slug, artifact.name])
    return f"{page}?version={version.number}"


def used_by(run: Run, reader: User) -> list[UsedVersion]:
    """What a run made, then what it read, each in its order, as far as the reader may see it; the
    first `MOST_USES`."""
    uses = run.artifact_uses.filter(~Q(version__artifact__project__in=shut_from(reader)))
    wanted = list(uses.order_by("-role", "id").values_list("version_id", "role")[:MOST_USES])
    found = {one.pk: one for one in versions().filter(pk__in={pk for pk, _ in wanted})}
    rows = {row.version.pk: row for row in rows_of(list(found.values()), reader)}
    return [UsedVersion(rows[pk], role == OUTPUT) for pk, role in wanted if pk in rows]
