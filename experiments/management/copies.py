"""Copies of a data folder: what belongs to one, and whether it is whole."""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from experiments.management import stores

DATABASE = "metascope.sqlite3"
REFERRED_TO = """
    SELECT blob_id FROM experiments_checkpoint
    UNION SELECT blob_id FROM experiments_snapshotfile
    UNION SELECT patch_id FROM experiments_snapshot WHERE patch_id IS NOT NULL
    UNION SELECT blob_id FROM experiments_manifestfile WHERE blob_id IS NOT NULL
"""
MIGRATIONS = "SELECT name FROM django_migrations WHERE app = 'experiments'"


class NotWhole(Exception):
    """A copy lacks something, or something in it is damaged; the text is a sentence."""


def check_database(path: Path) -> None:
    """Reads all of a database file that nobody else has open. Raises NotWhole."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as database:
            found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(1)")]
            strays = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise NotWhole(f"The database {path} cannot be read ({error}).") from error
    if found != ["ok"]:
        raise NotWhole(f"The database {path} is damaged ({found[0]}).")
    if strays is not None:
        raise NotWhole(f"The database {path} has rows of {strays[0]} that refer to nothing.")


def blobs_referred_to(path: Path) -> list[str]:
    """The SHA-256 of each file that a database refers to."""
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as database:
        return [row[0] for row in database.execute(REFERRED_TO)]


def migrations_in(path: Path) -> set[str]:
    """The names of our migrations that were applied to a database."""
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as database:
        return {row[0] for row in database.execute(MIGRATIONS)}


def check_blobs(folder: Path, shas: Sequence[str]) -> None:
    """Reads all of these files below `folder`. Raises NotWhole."""
    kept = {path.name: path for path in files_in(folder)}
    missing = [sha for sha in shas if sha not in kept]
    if missing:
        where = f"; {stores.ELSEWHERE}" if len(missing) == len(shas) else ""
        raise NotWhole(f"{len(missing)} blobs are missing, {missing[0]} for one{where}.")
    damaged = [sha for sha in shas if not is_intact(kept[sha])]
    if damaged:
        raise NotWhole(f"{len(damaged)} blobs are damaged, {damaged[0]} for one.")


def is_intact(path: Path) -> bool:
    """Whether a file has the content that its name promises."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == path.name


def copy_new(source: Path, target: Path) -> None:
    """Copies the files that `target` lacks; one that was collected meanwhile is passed over."""
    for path in files_in(source):
        copy = target / path.relative_to(source)
        if copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, copy)
        except FileNotFoundError:
            copy.unlink(missing_ok=True)


def files_in(folder: Path) -> Iterator[Path]:
    """Whole files; those that are being written have a name that starts with a dot."""
    if folder.is_dir():
        yield from (
            path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
        )
