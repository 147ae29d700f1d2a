"""`manage.py storage`: what each project keeps, in points and bytes."""

from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat

from experiments import usage
from experiments.models import (
    ArtifactVersion,
    Blob,
    Checkpoint,
    ManifestFile,
    Project,
    Run,
    Series,
    SnapshotFile,
)

HEAD = ("project", "runs", "points", "metrics", "code", "files", "artifacts", "checkpoints",
        "on disk", "alone")  # fmt: skip


class Command(BaseCommand):
    help = (
        "Prints what each project keeps. Code, files, artifacts and checkpoints are counted where "
        "they are used, as often as they are; 'on disk' counts each stored file once, and 'alone' "
        "those that no other project refers to, which go with the project."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rows: list[tuple[str, ...]] = [HEAD]
        stored = usage.files_by_project()
        for project in Project.objects.select_related("workspace").order_by("pk"):
            runs, points, *sizes = amounts(project)
            sizes += stored.get(project.pk, (0, 0))
            name = f"{project.workspace.slug}/{project.slug}"
            name += " (trash)" if project.deleted_at else ""
            rows.append((name, f"{runs:,}", f"{points:,}", *map(filesizeformat, sizes)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join((first.strip().ljust(widths[0]), *rest)))
        self._say_total(stored)

    def _say_total(self, stored: dict[int, tuple[int, int]]) -> None:
        size = usage.total(Blob.objects.all(), "size")
        alone = sum(of_one for _, of_one in stored.values())
        shared = usage.shared_files()
        rest = filesizeformat(size - alone - shared)
        self.stdout.write(
            f"{Blob.objects.count():,} stored files, {filesizeformat(size)}: "
            f"{filesizeformat(alone)} of one project, {filesizeformat(shared)} of several, "
            f"{rest} of none (sent lately, or garbage)"
        )


def amounts(project: Project) -> tuple[int, int, int, int, int, int, int]:
    """Runs, points, and bytes of metrics, code, files of runs, artifacts and checkpoints."""
    runs = Run.objects.filter(project=project)
    snapshots = runs.exclude(snapshot=None).values("snapshot")
    manifests = runs.exclude(files=None).values("files")
    return (
        runs.count(),
        usage.total(Series.objects.filter(project=project), "count"),
        usage.points_of(runs),
        usage.total(SnapshotFile.objects.filter(snapshot__in=snapshots), "blob__size"),
        usage.total(ManifestFile.objects.filter(manifest__in=manifests), "size"),
        usage.total(ArtifactVersion.objects.filter(artifact__project=project), "size"),
        usage.total(Checkpoint.objects.filter(run__project=project), "blob__size"),
    )
