"""`manage.py collect_garbage [--dry-run]`: deletes what is kept no longer, and its files."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from experiments import audit, blobs, lifecycle, retention, uploads, usage
from experiments.errors import Unavailable
from experiments.management import stores
from experiments.models import Artifact

AT_ONCE = 500
KINDS = {
    "checkpoints": "their checkpoints",
    "code": "their code",
    "files": "their files, and those of artifacts and models that go",
    "unreferenced": "files that nothing refers to",
}


class Command(BaseCommand):
    help = (
        "Erases what was in the trash long enough and versions of artifacts that are older than "
        "they are kept, then deletes stored files that nothing refers to. Workers do the same, "
        "some at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        try:
            blobs.check_store()
        except Unavailable as error:
            raise CommandError(f"Nothing was deleted: {stores.problem(error)}") from error
        found = usage.garbage()
        if dry_run:
            self._say_versions()
            self._say(found)
            return
        erased = old = 0
        with audit.at_the_command_line():
            while some := lifecycle.empty_trash(AT_ONCE):
                erased += some
            while some := retention.sweep(AT_ONCE):
                old += some
        size = usage.total(blobs.unused(), "size")
        collected = 0
        while some := blobs.collect(AT_ONCE):
            collected += some
        parts = uploads.drop_stale_parts()
        self.stdout.write(
            f"{erased} runs of the trash erased; {collected} files deleted, "
            f"{filesizeformat(size + found.parts.size)} freed; {parts} uploads given up; {old} "
            "versions of artifacts were past what their rules keep."
        )

    def _say_versions(self) -> None:
        """Each version of an artifact that is due."""
        for one in retention.due().select_related("artifact__project__workspace"):
            project = one.artifact.project
            self.stdout.write(
                f"{project.workspace.slug}/{project.slug}:{one.artifact.name}:{one.number}, made "
                f"{one.created_at:%Y-%m-%d}, {filesizeformat(one.size)}: "
                f"{_rule(one.artifact)}"
            )

    def _say(self, found: usage.Garbage) -> None:
        points = filesizeformat(found.points)
        days = f"runs that were in the trash for {settings.TRASH_DAYS} days"
        rows = [(days, f"{found.runs:,}"),
                ("their points, in the database", points)]  # fmt: skip
        rows += [(KINDS[kind], _said(amount)) for kind, amount in found.files.items()]
        rows.append(("uploads that were given up", _said(found.parts)))
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            self.stdout.write(f"{name.ljust(width)}  {text}")
        files = found.files_in_all
        freed = filesizeformat(files.size + found.parts.size)
        self.stdout.write(
            f"{files.count:,} files would go, {freed} freed. The room of points is used again by "
            "the database, whose file does not shrink by itself."
        )


def _rule(artifact: Artifact) -> str:
    """What its rules keep of it."""
    days = f"{artifact.keep_days} days" if artifact.keep_days else ""
    newest = f"the newest {artifact.keep_versions}" if artifact.keep_versions else ""
    return f"kept are {' of '.join(filter(None, (newest, days)))}"


def _said(amount: usage.Amount) -> str:
    return f"{amount.count:,} of {filesizeformat(amount.size)}"
