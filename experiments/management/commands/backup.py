"""`manage.py backup TARGET`: a consistent copy of the data folder, taken while it is in use."""

import shutil
import sqlite3
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from experiments.management import copies, postgresql, stores

REFUSALS = (copies.NotWhole, postgresql.Failed)


class Command(BaseCommand):
    help = (
        "Copies the database, the blobs and the key to a new folder that ./run can start with, "
        "then reads all of the copy. `restore` is the way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, metavar="TARGET", help="a folder to be made")

    def handle(self, *args: Any, **options: Any) -> None:
        is_file = connection.vendor == "sqlite"
        database = Path(str(settings.DATABASES["default"]["NAME"]))
        if is_file and not database.is_file():
            raise CommandError(f"There is no database {database}: is METASCOPE_DATA right?")
        if not is_file and not postgresql.have_programs():
            raise CommandError(postgresql.MISSING)
        target: Path = options["target"].expanduser().resolve()
        try:
            target.mkdir(mode=0o700, parents=True)
            if is_file:
                blobs = copy_instance(settings.DATA_DIR, database, target)
            else:
                blobs = copy_postgresql(settings.DATA_DIR, target)
        except FileExistsError as error:
            raise CommandError(f"{target} exists already: name a new folder.") from error
        except (OSError, DatabaseError, sqlite3.Error, *REFUSALS) as error:
            raise CommandError(f"The backup {target} is incomplete ({error}).") from error
        if bucket := stores.bucket():
            self.stdout.write(
                f"Copied the database to {target}, and verified it. Its {blobs} blobs stay in "
                f"{bucket}: have that store keep what is deleted for as long as you keep backups."
            )
            return
        self.stdout.write(f"Copied the database and {blobs} blobs to {target}, and verified them.")


def copy_instance(data: Path, database: Path, target: Path) -> int:
    """How many blobs the copy's database refers to; every one of them was copied, unless they are
    in a bucket, and all of the copy was read again (OSError or NotWhole otherwise).

    Blobs never change. Those that the database names at the moment it is copied either were
    there in the first pass, or came since and are too young to be collected before the second.
    """
    copy = target / database.name
    with _files_around(data, target):
        with (
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as written,
        ):
            source.backup(written)
        copy.chmod(0o600)
    copies.check_database(copy)
    shas = copies.blobs_referred_to(copy)
    if not stores.bucket():
        copies.check_blobs(target / "blobs", shas)
    return len(shas)


def copy_postgresql(data: Path, target: Path) -> int:
    """The same of an instance whose database is PostgreSQL. Raises Failed too."""
    with _files_around(data, target):
        postgresql.dump(target)
    shas = postgresql.read_dump(target).blobs
    if not stores.bucket():
        copies.check_blobs(target / "blobs", shas)
    return len(shas)


@contextmanager
def _files_around(data: Path, target: Path) -> Iterator[None]:
    """Copies blobs before and after what is done within, the key, and where blobs are that are in a
    bucket."""
    if not stores.bucket():
        copies.copy_new(data / "blobs", target / "blobs")
    yield
    if not stores.bucket():
        copies.copy_new(data / "blobs", target / "blobs")
    for name in ("secret_key", "blob_store"):
        if (data / name).exists():
            shutil.copy2(data / name, target / name)
