"""`manage.py collect_garbage [--dry-run]`: deletes stored files that nothing refers to."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat

from experiments import blobs, lifecycle, uploads

AT_ONCE = 500


class Command(BaseCommand):
    help = (
        "Erases what was in the trash long enough, then deletes stored files that nothing refers "
        "to. Workers do the same, some at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        erased = 0
        while not dry_run and (some := lifecycle.empty_trash(AT_ONCE)):
            erased += some
        found = blobs.unused()
        count, size = found.count(), found.aggregate(size=Sum("size"))["size"] or 0
        if dry_run:
            self.stdout.write(f"{count} files of {filesizeformat(size)} would go.")
            return
        collected = 0
        while some := blobs.collect(AT_ONCE):
            collected += some
        parts = uploads.drop_stale_parts()
        self.stdout.write(
            f"{erased} runs of the trash erased; {collected} files deleted, "
            f"{filesizeformat(size)} freed; {parts} uploads given up."
        )
