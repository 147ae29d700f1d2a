"""Brings a backup back into a data folder that nothing uses."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config import blob_store, data_folder
from config.refusal import StartRefused
from experiments.management import copies, postgresql, stores

OF_DATABASE = (copies.DATABASE, f"{copies.DATABASE}-wal", f"{copies.DATABASE}-shm")


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """Holds a data folder, so that no instance starts on it meanwhile. Raises StartRefused while
    one is up."""
    data_folder.prepare(folder)
    descriptor = data_folder.lock(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def restore(source: Path, folder: Path) -> tuple[int, Path | None]:
    """How many blobs came back, and where the former database lies now, if there was one.

    Everything is verified before the folder changes; blobs only ever add to it. To be called while
    it is `stopped`. Raises StartRefused, NotWhole.
    """
    staging = folder / ".restoring"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        database = _staged(source, staging)
        _refuse_folder(source)
        shas = copies.blobs_referred_to(database)
        if not stores.bucket():
            copies.check_blobs(source / "blobs", shas)
            _bring_blobs(source / "blobs", folder / "blobs", set(shas))
        before = _move_aside(folder)
        os.replace(database, folder / copies.DATABASE)
        if (source / "secret_key").exists():
            key = (source / "secret_key").read_text().strip()
            data_folder.write_private(folder / "secret_key", key)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(shas), before


def restore_postgresql(source: Path, folder: Path) -> tuple[int, Path | None]:
    """How many blobs came back, and where the former key lies now, if there was another one.

    The database named in the settings must be empty: what is there is never overwritten. Everything
    is verified before anything changes. Raises StartRefused, NotWhole, Failed.
    """
    if not (source / postgresql.DUMP).is_file():
        kept = "; it is one of a SQLite file" if (source / copies.DATABASE).is_file() else ""
        raise StartRefused(
            f"{source} is no backup of a PostgreSQL database: it has no {postgresql.DUMP}{kept}."
        )
    if tables := connection.introspection.table_names():
        raise StartRefused(
            f"the database is not empty (it has a table {min(tables)!r}): make an empty one with "
            "createdb and name it in METASCOPE_DATABASE_URL."
        )
    about = postgresql.read_dump(source)
    _refuse_newer(source, set(about.migrations))
    _refuse_folder(source)
    if not stores.bucket():
        copies.check_blobs(source / "blobs", about.blobs)
        _bring_blobs(source / "blobs", folder / "blobs", set(about.blobs))
    postgresql.load(source)
    return len(about.blobs), _bring_key(source, folder)


def _refuse_folder(source: Path) -> None:
    """Raises StartRefused where the files of a backup are in a bucket that nobody has named."""
    noted = blob_store.named_in(source)
    if noted and not stores.bucket():
        raise StartRefused(f"the files of {source} are in a bucket: set {noted}, and its keys.")


def _bring_key(source: Path, folder: Path) -> Path | None:
    if not (source / "secret_key").exists():
        return None
    key, own, aside = (source / "secret_key").read_text().strip(), folder / "secret_key", None
    if own.exists() and own.read_text().strip() != key:
        aside = _aside(folder)
        os.replace(own, aside / own.name)
    data_folder.write_private(own, key)
    return aside


def _staged(source: Path, staging: Path) -> Path:
    """The verified copy of the source's database."""
    if not (source / copies.DATABASE).is_file():
        kept = ""
        if (source / postgresql.DUMP).is_file():
            kept = "; it is one of a PostgreSQL database: name one in METASCOPE_DATABASE_URL"
        raise StartRefused(f"{source} is no backup: it has no {copies.DATABASE}{kept}.")
    for name in OF_DATABASE[:2]:  # what a killed instance left unmerged belongs to it
        if (source / name).exists():
            shutil.copyfile(source / name, staging / name)
    database = staging / copies.DATABASE
    database.chmod(0o600)
    copies.check_database(database)
    _refuse_newer(source, copies.migrations_in(database))
    return database


def _refuse_newer(source: Path, applied: set[str]) -> None:
    known = {name for app, name in MigrationLoader(None).disk_migrations if app == "experiments"}
    if unknown := applied - known:
        raise StartRefused(
            f"{source} was written by a newer Metascope ({max(unknown)} is unknown here): update "
            "Metascope, then restore."
        )


def _bring_blobs(source: Path, target: Path, verified: set[str]) -> None:
    """Copies what `target` lacks or has damaged: also what was sent and nothing refers to yet."""
    for path in copies.files_in(source):
        copy = target / path.relative_to(source)
        if copy.exists() and copies.is_intact(copy):
            continue
        if path.name not in verified and not copies.is_intact(path):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = copy.with_name(f".{copy.name}.new")
        shutil.copyfile(path, draft)
        os.replace(draft, copy)


def _move_aside(folder: Path) -> Path | None:
    """Puts the database and the key that are there into a folder of their own."""
    found = [folder / name for name in (*OF_DATABASE, "secret_key") if (folder / name).exists()]
    if not any(path.name == copies.DATABASE for path in found):
        return None
    aside = _aside(folder)
    for path in found:
        os.replace(path, aside / path.name)
    return aside


def _aside(folder: Path) -> Path:
    """A new folder for what was there before."""
    aside = folder / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    aside.mkdir(mode=0o700)
    return aside
