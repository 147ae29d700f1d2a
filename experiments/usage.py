"""What is kept, in bytes: by project, and what would go with the next collection of garbage.

A file is stored once, however often it is referred to. So a project has the files it refers to, of
which some are its alone; only those go with it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import Length

from experiments import blobs, retention, uploads
from experiments.lifecycle.trash import due_models, due_projects, due_runs
from experiments.models import (
    ArtifactVersion,
    Blob,
    Checkpoint,
    ChunkOverview,
    LoggedModel,
    ManifestFile,
    MetricBatch,
    Project,
    Run,
    SeriesChunk,
    Snapshot,
    SnapshotFile,
)

_REFERENCES = """
    SELECT r.project_id, c.blob_id FROM experiments_checkpoint c
        JOIN experiments_run r ON r.id = c.run_id
    UNION SELECT r.project_id, f.blob_id FROM experiments_run r
        JOIN experiments_snapshotfile f ON f.snapshot_id = r.snapshot_id
    UNION SELECT r.project_id, s.patch_id FROM experiments_run r
        JOIN experiments_snapshot s ON s.id = r.snapshot_id WHERE s.patch_id IS NOT NULL
    UNION SELECT r.project_id, f.blob_id FROM experiments_run r
        JOIN experiments_manifestfile f ON f.manifest_id = r.files_id WHERE f.blob_id IS NOT NULL
    UNION SELECT m.project_id, f.blob_id FROM experiments_loggedmodel m
        JOIN experiments_manifestfile f ON f.manifest_id = m.files_id WHERE f.blob_id IS NOT NULL
    UNION SELECT a.project_id, f.blob_id FROM experiments_artifactversion v
        JOIN experiments_artifact a ON a.id = v.artifact_id
        JOIN experiments_manifestfile f ON f.manifest_id = v.files_id WHERE f.blob_id IS NOT NULL
"""
_COUNTED = f"""
WITH refers(project_id, blob_id) AS ({_REFERENCES}),
    counted(blob_id, projects) AS (SELECT blob_id, count(*) FROM refers GROUP BY blob_id)
"""
_SHARED = f"""{_COUNTED}
SELECT coalesce(sum(size), 0) FROM counted JOIN experiments_blob ON sha256 = blob_id
WHERE projects > 1
"""
_FILES = f"""{_COUNTED}
SELECT refers.project_id, sum(size), sum(CASE WHEN projects = 1 THEN size ELSE 0 END)
FROM refers JOIN counted ON counted.blob_id = refers.blob_id
    JOIN experiments_blob ON sha256 = refers.blob_id
GROUP BY refers.project_id
"""


@dataclass(frozen=True)
class Amount:
    """So many things, of so many bytes."""

    count: int
    size: int


@dataclass(frozen=True)
class Garbage:
    """What the next collection frees: runs, their points in the database, files by kind, parts of
    uploads that were given up."""

    runs: int
    points: int  # bytes
    files: Mapping[str, Amount]
    parts: Amount

    @property
    def files_in_all(self) -> Amount:
        """Of all kinds; each file is of one."""
        amounts = self.files.values()
        return Amount(sum(one.count for one in amounts), sum(one.size for one in amounts))


def files_by_project() -> dict[int, tuple[int, int]]:
    """By project: bytes of the files it refers to, each once, and of those that are its alone."""
    with connection.cursor() as cursor:
        cursor.execute(_FILES)
        return {project: (int(size), int(alone)) for project, size, alone in cursor.fetchall()}


def shared_files() -> int:
    """Bytes of the files that several projects refer to, each once."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARED)
        return int(cursor.fetchone()[0])


def points_of(runs: QuerySet[Run]) -> int:
    """Bytes of the points of these runs in the database, folded or not."""
    chunks = SeriesChunk.objects.filter(series__run__in=runs)
    waiting = MetricBatch.objects.filter(run__in=runs, payload__isnull=False)
    return (
        total(chunks, Length("data") + Length("pyramid"))
        + total(ChunkOverview.objects.filter(series__run__in=runs), Length("blocks"))
        + total(waiting, Length("payload"))
    )


def total(rows: QuerySet[Any], what: Any) -> int:
    """The sum over the rows; 0 where there are none."""
    return int(rows.aggregate(total=Sum(what))["total"] or 0)


def garbage() -> Garbage:
    """What `empty_trash`, `retention.sweep` and `blobs.collect` would take, without taking it."""
    runs = due_runs()
    kept = Run.objects.exclude(pk__in=runs.values("pk"))
    snapshots = Snapshot.objects.filter(
        Exists(runs.filter(snapshot=OuterRef("pk"))), ~Exists(kept.filter(snapshot=OuterRef("pk")))
    )
    projects = due_projects().filter(~Exists(kept.filter(project=OuterRef("pk"))))
    # Ids, not the conditions: nested in those below they are more than SQLite's parser takes.
    trees = _all_of([
        tree
        for rows in (
            runs.values_list("files", flat=True),
            due_models().values_list("files", flat=True),
            LoggedModel.objects.filter(project__in=projects).values_list("files", flat=True),
            _trees_of_versions(projects),
        )
        for tree in rows
        if tree is not None
    ])  # fmt: skip
    checkpoints = Checkpoint.objects.filter(run__in=runs)
    code = SnapshotFile.objects.filter(snapshot__in=snapshots)
    files = ManifestFile.objects.filter(manifest__in=trees, blob__isnull=False)
    going = blobs.unreferenced(
        Checkpoint.objects.exclude(pk__in=checkpoints.values("pk")),
        SnapshotFile.objects.exclude(snapshot__in=snapshots.values("pk")),
        Snapshot.objects.exclude(pk__in=snapshots.values("pk")),
        ManifestFile.objects.exclude(manifest__in=trees),
    )
    kinds = {
        "checkpoints": Q(Exists(checkpoints.filter(blob=OuterRef("pk")))),
        "code": Q(Exists(code.filter(blob=OuterRef("pk"))))
        | Q(Exists(snapshots.filter(patch=OuterRef("pk")))),
        "files": Q(Exists(files.filter(blob=OuterRef("pk")))),
    }
    found = {}
    for kind, condition in kinds.items():
        found[kind] = _amount(going.filter(condition))
        going = going.exclude(condition)
    return Garbage(
        runs=runs.count(),
        points=points_of(runs),
        files={**found, "unreferenced": _amount(going)},
        parts=Amount(*uploads.stale_parts()),
    )


def _all_of(ids: Sequence[int]) -> RawSQL:
    """For `__in`: as one parameter, because SQLite takes 250,000 and PostgreSQL 65,535 of them."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(ids)])
    return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])


def _trees_of_versions(projects: QuerySet[Project]) -> QuerySet[ArtifactVersion, Any]:
    """The files of versions that go by age or with their project, and of no other."""
    due = _all_of(list(retention.due().values_list("pk", flat=True)))
    going = Q(pk__in=due) | Q(artifact__project__in=projects)
    staying = ArtifactVersion.objects.exclude(going).filter(files=OuterRef("files"))
    return ArtifactVersion.objects.filter(going, ~Exists(staying)).values_list("files", flat=True)


def _amount(rows: QuerySet[Blob]) -> Amount:
    return Amount(rows.count(), total(rows, F("size")))
