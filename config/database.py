"""The database at start-up: is it one, is it ours, is it current?"""

import sqlite3
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config.refusal import StartRefused, no_room


def bring_up_to_date() -> bool:
    """Checks the database and migrates it where needed; True if it was changed.

    Raises StartRefused when it is damaged, of a newer version, or cannot be written.
    """
    place = str(settings.DATABASES["default"]["NAME"])
    try:
        if connection.vendor == "sqlite":
            _check_file(Path(place))
        executor = MigrationExecutor(connection)
        _refuse_newer(executor, place)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        call_command("migrate", interactive=False, verbosity=0)
    except (DatabaseError, sqlite3.Error) as error:
        raise _explain(error, place) from error
    return True


def _check_file(path: Path) -> None:
    """Reads the header and the list of tables, and takes the write lock once."""
    if not path.exists():
        return
    if path.is_dir():
        raise StartRefused(
            f"{path} is a folder, not a database: move it away, or restore a backup."
        )
    with sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10) as database:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
    database.close()


def _refuse_newer(executor: MigrationExecutor, place: object) -> None:
    """A migration that was applied and is unknown here comes from a later version."""
    known = set(executor.loader.disk_migrations or ())
    apps = {app for app, _ in known}
    unknown = sorted(
        f"{app}.{name}"
        for app, name in executor.loader.applied_migrations or ()
        if app in apps and (app, name) not in known
    )
    if unknown:
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
