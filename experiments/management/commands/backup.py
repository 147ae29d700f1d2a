"""`manage.py backup TARGET`: a consistent copy of the data folder, taken while it is in use."""

import shutil
import sqlite3
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

REFERRED_TO = """
    SELECT blob_id FROM experiments_checkpoint
    UNION SELECT blob_id FROM experiments_snapshotfile
    UNION SELECT patch_id FROM experiments_snapshot WHERE patch_id IS NOT NULL
    UNION SELECT blob_id FROM experiments_manifestfile WHERE blob_id IS NOT NULL
"""


class Command(BaseCommand):
    help = "Copies the database, the blobs and the key to a new folder that ./run can start with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, metavar="TARGET", help="a folder to be made")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("This copies SQLite only: use your database's own backup.")
        database = Path(str(settings.DATABASES["default"]["NAME"]))
        if not database.is_file():
            raise CommandError(f"There is no database {database}: is METASCOPE_DATA right?")
        target: Path = options["target"].expanduser().resolve()
        try:
            target.mkdir(mode=0o700, parents=True)
            blobs = copy_instance(settings.DATA_DIR, database, target)
        except FileExistsError as error:
            raise CommandError(f"{target} exists already: name a new folder.") from error
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"The backup {target} is incomplete ({error}).") from error
        self.stdout.write(f"Copied the database and {blobs} blobs to {target}")


def copy_instance(data: Path, database: Path, target: Path) -> int:
    """How many blobs the copy's database refers to; every one of them was copied
    (OSError otherwise).

    Blobs never change. Those that the database names at the moment it is copied either were
    there in the first pass, or came since and are too young to be collected before the second.
    """
    _copy_new(data / "blobs", target / "blobs")
    copy = target / database.name
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as written,
    ):
        source.backup(written)
        shas = [row[0] for row in written.execute(REFERRED_TO)]
    copy.chmod(0o600)
    _copy_new(data / "blobs", target / "blobs")
    if (data / "secret_key").exists():
        shutil.copy2(data / "secret_key", target / "secret_key")
    kept = {path.name for path in _files(target / "blobs")}
    missing = [sha for sha in shas if sha not in kept]
    if missing:
        raise OSError(f"{len(missing)} blobs are missing, {missing[0]} for one")
    return len(shas)


def _copy_new(source: Path, target: Path) -> None:
    """Copies the files that `target` lacks; one that was collected meanwhile is passed over."""
    for path in _files(source):
        copy = target / path.relative_to(source)
        if copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, copy)
        except FileNotFoundError:
            copy.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    """Whole files; those that are being written have a name that starts with a dot."""
    if folder.is_dir():
        yield from (
            path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
        )
