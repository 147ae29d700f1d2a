"""`manage.py restore SOURCE`: brings a backup back into the data folder of a stopped instance."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from config import blob_store, restoring
from config.refusal import StartRefused
from experiments.management import copies, postgresql, stores


class Command(BaseCommand):
    help = (
        "Verifies a backup, then puts it into the data folder (METASCOPE_DATA), which must be "
        "empty or stopped. A database that is there is kept beside, in before-restore-.../; a "
        "PostgreSQL database must be empty."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, metavar="SOURCE", help="a folder of `backup`")

    def handle(self, *args: Any, **options: Any) -> None:
        is_file = connection.vendor == "sqlite"
        if not is_file and not postgresql.have_programs():
            raise CommandError(postgresql.MISSING)
        folder = Path(settings.DATA_DIR)
        source: Path = options["source"].expanduser().resolve()
        if source == folder.resolve():
            raise CommandError(f"{source} is the data folder itself: name a backup.")
        try:
            with restoring.stopped(folder):
                bring = restoring.restore if is_file else restoring.restore_postgresql
                blobs, before = bring(source, folder)
                blob_store.keep(folder)
        except (StartRefused, copies.NotWhole) as refusal:
            raise CommandError(f"Nothing was restored: {refusal}") from refusal
        except (OSError, DatabaseError, postgresql.Failed) as error:
            raise CommandError(f"The restore broke off ({error}): run it again.") from error
        brought = "" if stores.bucket() else f" and {blobs} blobs"
        self.stdout.write(f"Restored the database{brought} from {source} to {folder}.")
        if bucket := stores.bucket():
            self.stdout.write(f"Its {blobs} blobs are in {bucket}: `doctor --all` reads them.")
        if before is not None:
            what = "database" if is_file else "key"
            self.stdout.write(f"The {what} that was there is in {before}.")
        self.stdout.write("Start with ./run, which migrates it if it is of an older version.")
