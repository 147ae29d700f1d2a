"""The database at start-up: is it one, is it ours, is it current?"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config import database_url, postgresql
from config.refusal import StartRefused, no_room
from experiments import audit_keeping

OLDER = "Start that version, or restore the backup of the upgrade with `manage.py restore`."


def bring_up_to_date() -> bool:
    """Checks the database and migrates it where needed; True if it was changed.

    Raises StartRefused when it is damaged, lost, not ours, of a newer version, or cannot be
    written.
    """
    is_file = connection.vendor == "sqlite"
    described = settings.DATABASES["default"]
    place = str(described["NAME"]) if is_file else database_url.without_password(described)
    try:
        if is_file:
            check_file(Path(place))
        else:
            postgresql.check(place, Path(settings.DATA_DIR) / "blobs")
        executor = MigrationExecutor(connection)
        _refuse_newer(executor, place)
        changes = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if changes:
            call_command("migrate", interactive=False, verbosity=0)
        if not audit_keeping.is_kept():
            audit_keeping.keep()
    except (DatabaseError, sqlite3.Error) as error:
        raise (
            _explain(error, place) if is_file else postgresql.explain(error, described)
        ) from error
    return changes


def check_file(path: Path) -> None:
    """Reads the header and the list of tables, and takes the write lock once.

    Nothing is changed: a file that is not ours stays as it was. Raises StartRefused, or what
    SQLite says of a damaged or locked file.
    """
    if path.is_dir():
        raise StartRefused(
            f"{path} is a folder, not a database: move it away, or restore a backup."
        )
    if not path.exists() or path.stat().st_size == 0:
        return _refuse_lost(path)
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)) as database:
        _refuse_foreign(database, path)
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")


def _refuse_lost(path: Path) -> None:
    """A new folder has no blobs: where some lie, the database that named them was here before."""
    blobs = path.with_name("blobs")
    if any(found.is_file() for found in blobs.rglob("*")):
        state = "empty" if path.exists() else "gone"
        raise StartRefused(
            f"the database {path} is {state} while {blobs} still holds its files: restore both "
            "from a backup, or choose another folder with --data."
        )


def _refuse_foreign(database: sqlite3.Connection, path: Path) -> None:
    """Tables that are not ours, in a file that no migration of ours was ever applied to.

    An interrupted first start leaves none but ours, so it goes on.
    """
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = {name for (name,) in rows if not name.startswith("sqlite_")}
    others = tables - {"django_migrations", *connection.introspection.django_table_names()}
    if not others:
        return
    ours = "django_migrations" in tables and database.execute(
        "SELECT count(*) FROM django_migrations WHERE app = 'experiments'"
    ).fetchone() != (0,)
    if not ours:
        raise StartRefused(
            f"{path} is the database of another program (it has a table {min(others)!r}): move it "
            "away, or choose another folder with --data."
        )


def unknown_migrations(executor: MigrationExecutor) -> list[str]:
    """What was applied and is unknown here, in order: it comes from a later version."""
    known = set(executor.loader.disk_migrations or ())
    apps = {app for app, _ in known}
    return sorted(
        f"{app}.{name}"
        for app, name in executor.loader.applied_migrations or ()
        if app in apps and (app, name) not in known
    )


def newer(unknown: Sequence[str]) -> str:
    """The sentence for a database that has these migrations."""
    return f"The database was written by a newer Metascope: {unknown[-1]} is unknown here."


def _refuse_newer(executor: MigrationExecutor, place: object) -> None:
    if unknown := unknown_migrations(executor):
        raise StartRefused(
            f"{place} was written by a newer Metascope ({unknown[-1]} is unknown here): update "
            "Metascope, or choose another folder with --data."
        )


def _explain(error: Exception, place: object) -> StartRefused:
    text = str(error)
    if "is full" in text or "disk I/O" in text:
        return no_room(place)
    if "readonly" in text or "unable to open" in text:
        return StartRefused(
            f"the database {place} cannot be written: change the owner or the permissions of the "
            "file and its folder."
        )
    if "locked" in text:
        return StartRefused(
            f"the database {place} is in use by another program: close it, then start again."
        )
    return StartRefused(
        f"the database {place} is damaged ({text}): move it away and restore a backup, or choose "
        "another folder with --data."
    )
