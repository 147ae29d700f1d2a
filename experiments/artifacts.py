"""Artifacts: versions of datasets, models and files, and which runs made and read them.

How long versions are kept is in `retention.py`.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from experiments import paths, retention
from experiments.errors import Conflict, Invalid, NotFound
from experiments.files import LONGEST_PATH
from experiments.models import (
    Artifact,
    ArtifactAlias,
    ArtifactKind,
    ArtifactUse,
    ArtifactVersion,
    Blob,
    BlobUpload,
    Manifest,
    ManifestFile,
    Project,
    Run,
    User,
    Workspace,
)
from experiments.problems import Problems

MOST_FILES = 100_000
LARGEST_METADATA = 1_000_000
LATEST = "latest"
SCHEMES = ("http", "https", "s3", "gs", "az", "abfss", "hdfs", "file", "ftp", "sftp")

_NAME = re.compile(r"[\w][\w.\-]{0,199}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
_NUMBER = re.compile(r"v?([1-9][0-9]{0,8})")


class Stored(TypedDict):
    """A file whose bytes were sent."""

    path: str
    sha256: str


class Elsewhere(TypedDict):
    """A file that stays where it is: its address, and what its owner says of it."""

    path: str
    url: str
    digest: str
    size: int | None


@dataclass(frozen=True)
class Logged:
    """`created` is False when the artifact had a version of the same content already."""

    version: ArtifactVersion
    created: bool


def log_version(
    *,
    project: Project,
    user: User | None,
    name: str,
    kind: str,
    stored: Sequence[Stored] = (),
    elsewhere: Sequence[Elsewhere] = (),
    metadata: Mapping[str, Any] | None = None,
    aliases: Sequence[str] = (),
    run: Run | None = None,
) -> Logged:
    """A version of the artifact `name`, made with the artifact if need be; `run` made it.

    Equal files are the same version: it gets the aliases and the run, and keeps its metadata.
    Raises Invalid for what is wrong, naming it, and Conflict for a name of another kind.
    """
    _check(project, name, kind, stored, elsewhere, metadata or {}, aliases, run)
    sizes = _sizes(project.workspace, stored)
    digest = _digest(stored, elsewhere)
    with transaction.atomic():
        artifact = _artifact(project, name, kind)
        version = artifact.versions.filter(digest=digest).first()
        created = version is None
        if version is None:
            version = _create(artifact, digest, stored, elsewhere, sizes, metadata or {}, user)
        for alias in aliases:
            _point(version, alias)
        if run is not None:
            ArtifactUse.objects.get_or_create(
                run=run, version=version, role=ArtifactUse.Role.OUTPUT
            )
        if created:
            retention.apply(artifact)
    return Logged(version, created)


def _check(
    project: Project,
    name: str,
    kind: str,
    stored: Sequence[Stored],
    elsewhere: Sequence[Elsewhere],
    metadata: Mapping[str, Any],
    aliases: Sequence[str],
    run: Run | None,
) -> None:
    problems = Problems()
    if not _NAME.fullmatch(name):
        problems.add("name", "Use 1 to 200 letters, digits, '_', '.' and '-'.")
    if kind not in ArtifactKind.values:
        problems.add("kind", f"Use one of {', '.join(ArtifactKind.values)}.")
    if not 1 <= len(stored) + len(elsewhere) <= MOST_FILES:
        problems.add("files", f"A version has 1 to {MOST_FILES:,} files.")
    if len(json.dumps(metadata)) > LARGEST_METADATA:
        problems.add("metadata", f"Is longer than {LARGEST_METADATA:,} characters as JSON.")
    if run is not None and run.project_id != project.pk:
        problems.add("run", "Belongs to another project.")
    for alias in aliases:
        _check_alias(alias, problems)
    problems.check()
    _check_paths([*stored, *elsewhere])
    for index, file in enumerate(elsewhere):
        _check_url(file["url"], f"references[{index}].url")


def _check_paths(files: Sequence[Stored | Elsewhere]) -> None:
    seen: set[str] = set()
    folders: set[str] = set()
    for file in files:
        path = file["path"]
        paths.check(path, field=f"files.{path[:100]!r}", longest=LONGEST_PATH)
        if path in seen:
            raise _invalid(f"files.{path[:100]!r}", "is there twice")
        seen.add(path)
        parts = path.split("/")
        folders.update("/".join(parts[:size]) for size in range(1, len(parts)))
    if both := seen & folders:
        raise _invalid(f"files.{min(both)[:100]!r}", "is a file and a folder at once")


def _check_url(url: str, field: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or len(url) > 2000:
        raise _invalid(field, f"must be an address of {', '.join(SCHEMES)}")
    if parts.password or (parts.username and parts.scheme in ("http", "https")):
        raise _invalid(field, "must not hold a password: who reads it has one of their own")


def _check_alias(alias: str, problems: Problems) -> None:
    if not _ALIAS.fullmatch(alias) or alias == LATEST or _NUMBER.fullmatch(alias):
        problems.add(
            "aliases",
            f"{alias[:70]!r} cannot be an alias: use letters, digits, '_', '.' and '-', a letter "
            "first; not 'latest' and not a version's number.",
        )


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", fields={field: [message]})


def _sizes(workspace: Workspace, stored: Sequence[Stored]) -> dict[str, int]:
    """Bytes by SHA-256. Raises Invalid, naming a file whose bytes the workspace has not sent."""
    sizes: dict[str, int] = {}
    wanted = list({file["sha256"] for file in stored})
    for start in range(0, len(wanted), 10_000):
        part = wanted[start : start + 10_000]
        sent = BlobUpload.objects.filter(workspace=workspace, blob=OuterRef("pk"))
        sizes |= dict(Blob.objects.filter(Exists(sent), pk__in=part).values_list("sha256", "size"))
    for file in stored:
        if file["sha256"] not in sizes:
            raise Invalid(
                f"{file['path'][:200]!r}: its bytes are not here yet; send them first.",
                code="bytes_missing",
                fields={f"files.{file['path'][:100]!r}": ["Its bytes are not here yet."]},
            )
    return sizes


def _digest(stored: Sequence[Stored], elsewhere: Sequence[Elsewhere]) -> str:
    content = [
        sorted((file["path"], file["sha256"]) for file in stored),
        sorted((file["path"], file["url"], file["digest"]) for file in elsewhere),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _artifact(project: Project, name: str, kind: str) -> Artifact:
    """The artifact of that name, locked until the transaction ends.

    One that is being deleted conflicts with the new one, and is gone once it can be locked: it is
    made again, until it is there.
    """
    rows = Artifact.objects.filter(project=project, name=name)
    artifact = None
    while artifact is None:
        Artifact.objects.bulk_create(
            [Artifact(project=project, name=name, kind=kind)], ignore_conflicts=True
        )
        artifact = rows.select_for_update(no_key=True).first()
    if artifact.kind != kind:
        raise Conflict(
            f"{name} is a {artifact.kind} already: choose another name.",
            code="kind_differs",
            fields={"kind": [f"{name} is a {artifact.kind}."]},
        )
    return artifact


def _create(
    artifact: Artifact,
    digest: str,
    stored: Sequence[Stored],
    elsewhere: Sequence[Elsewhere],
    sizes: Mapping[str, int],
    metadata: Mapping[str, Any],
    user: User | None,
) -> ArtifactVersion:
    manifest = Manifest.objects.create(workspace_id=artifact.project.workspace_id, sealed=True)
    rows = [
        ManifestFile(
            manifest=manifest,
            path=file["path"],
            blob_id=file["sha256"],
            size=sizes[file["sha256"]],
        )
        for file in stored
    ]
    rows += [
        ManifestFile(
            manifest=manifest,
            path=file["path"],
            url=file["url"],
            digest=file["digest"][:200],
            size=file["size"],
        )
        for file in elsewhere
    ]
    ManifestFile.objects.bulk_create(rows, batch_size=2_000)
    last = artifact.versions.aggregate(last=Max("number"))["last"] or 0
    return ArtifactVersion.objects.create(
        artifact=artifact,
        number=last + 1,
        digest=digest,
        files=manifest,
        file_count=len(rows),
        size=sum(row.size or 0 for row in rows),
        metadata=dict(metadata),
        created_by=user,
    )


def resolve(project: Project, name: str, reference: str = LATEST) -> ArtifactVersion:
    """The version that "latest", "3", "v3" or an alias names. Raises NotFound."""
    versions = ArtifactVersion.objects.select_related("artifact").filter(
        artifact__project=project, artifact__name=name
    )
    if reference == LATEST:
        found = versions.order_by("-number").first()
    elif number := _NUMBER.fullmatch(reference):
        found = versions.filter(number=int(number[1])).first()
    else:
        found = versions.filter(aliases__name=reference).first()
    if found is None:
        raise NotFound(
            f"There is no artifact {name[:200]}:{reference[:70]} in this project.",
            code="artifact_not_found",
        )
    return found


def use(run: Run, version: ArtifactVersion) -> None:
    """Notes that a run read a version. Raises NotFound for one of another workspace."""
    if version.artifact.project.workspace_id != run.project.workspace_id:
        raise NotFound("There is no such version in the run's workspace.")
    ArtifactUse.objects.get_or_create(run=run, version=version, role=ArtifactUse.Role.INPUT)


@transaction.atomic
def set_alias(version: ArtifactVersion, alias: str) -> None:
    """Points an alias to a version, away from another one."""
    problems = Problems()
    _check_alias(alias, problems)
    problems.check()
    _point(version, alias)


def _point(version: ArtifactVersion, alias: str) -> None:
    ArtifactAlias.objects.update_or_create(
        artifact_id=version.artifact_id, name=alias, defaults={"version": version}
    )


def remove_alias(artifact: Artifact, alias: str) -> None:
    """Raises NotFound."""
    if not artifact.aliases.filter(name=alias).delete()[0]:
        raise NotFound(f"{artifact.name} has no alias {alias[:70]!r}.")
