"""`manage.py storage`: what each project keeps, in points and bytes."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet, Sum
from django.db.models.functions import Length
from django.template.defaultfilters import filesizeformat

from experiments.models import (
    ArtifactVersion,
    Blob,
    Checkpoint,
    ChunkOverview,
    ManifestFile,
    MetricBatch,
    Project,
    Run,
    Series,
    SeriesChunk,
    SnapshotFile,
)

HEAD = ("project", "runs", "points", "metrics", "code", "files", "artifacts", "checkpoints")


class Command(BaseCommand):
    help = (
        "Prints what each project keeps. Files are counted where they are used, and stored once: "
        "the last line says what all of them take."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rows: list[tuple[str, ...]] = [HEAD]
        for project in Project.objects.select_related("workspace").order_by("pk"):
            runs, points, *sizes = usage(project)
            name = f"{project.workspace.slug}/{project.slug}"
            rows.append((name, f"{runs:,}", f"{points:,}", *map(filesizeformat, sizes)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join((first.strip().ljust(widths[0]), *rest)))
        stored = filesizeformat(_sum(Blob.objects.all(), "size"))
        self.stdout.write(f"{Blob.objects.count():,} stored files, {stored}")


def usage(project: Project) -> tuple[int, int, int, int, int, int, int]:
    """Runs, points, and bytes of metrics, code, files of runs, artifacts and checkpoints."""
    runs = Run.objects.filter(project=project)
    chunks = SeriesChunk.objects.filter(series__project=project)
    waiting = MetricBatch.objects.filter(run__project=project, payload__isnull=False)
    snapshots = runs.exclude(snapshot=None).values("snapshot")
    manifests = runs.exclude(files=None).values("files")
    return (
        runs.count(),
        _sum(Series.objects.filter(project=project), "count"),
        _sum(chunks, Length("data") + Length("pyramid"))
        + _sum(ChunkOverview.objects.filter(series__project=project), Length("blocks"))
        + _sum(waiting, Length("payload")),
        _sum(SnapshotFile.objects.filter(snapshot__in=snapshots), "blob__size"),
        _sum(ManifestFile.objects.filter(manifest__in=manifests), "size"),
        _sum(ArtifactVersion.objects.filter(artifact__project=project), "size"),
        _sum(Checkpoint.objects.filter(run__project=project), "blob__size"),
    )


def _sum(rows: QuerySet[Any], what: Any) -> int:
    total = rows.aggregate(total=Sum(what))["total"]
    return int(total or 0)
