"""`manage.py collect_garbage [--dry-run]`: deletes what is kept no longer, and its files."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat

from experiments import blobs, lifecycle, retention, uploads
from experiments.models import ManifestFile

AT_ONCE = 500


class Command(BaseCommand):
    help = (
        "Erases what was in the trash long enough and versions of artifacts that are older than "
        "they are kept, then deletes stored files that nothing refers to. Workers do the same, "
        "some at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if dry_run:
            self._foretell()
            return
        erased = old = 0
        while some := lifecycle.empty_trash(AT_ONCE):
            erased += some
        while some := retention.sweep(AT_ONCE):
            old += some
        size = blobs.unused().aggregate(size=Sum("size"))["size"] or 0
        collected = 0
        while some := blobs.collect(AT_ONCE):
            collected += some
        parts = uploads.drop_stale_parts()
        self.stdout.write(
            f"{erased} runs of the trash erased; {collected} files deleted, "
            f"{filesizeformat(size)} freed; {parts} uploads given up; {old} versions of artifacts "
            "were older than they are kept."
        )

    def _foretell(self) -> None:
        """Each version that is due, then the files that would go with all of them."""
        due = retention.due()
        for one in due.select_related("artifact__project__workspace"):
            project = one.artifact.project
            self.stdout.write(
                f"{project.workspace.slug}/{project.slug}:{one.artifact.name}:{one.number}, made "
                f"{one.created_at:%Y-%m-%d}, {filesizeformat(one.size)}: older than "
                f"{one.artifact.keep_days} days"
            )
        gone = ManifestFile.objects.filter(manifest__in=due.order_by().values("files"))
        found = blobs.unused(without=gone)
        size = filesizeformat(found.aggregate(size=Sum("size"))["size"] or 0)
        self.stdout.write(f"{found.count()} files of {size} would go.")
