"""What tests with processes of their own must know of the database they share."""

import os
import sqlite3
from contextlib import closing
from urllib.parse import quote, urlsplit, urlunsplit

from django.db import connection

URL = "METASCOPE_DATABASE_URL"


def variables() -> dict[str, str]:
    """What leads a process to the database of the running test, where it is no file."""
    if connection.vendor == "sqlite":
        return {}
    return {URL: url(str(connection.settings_dict["NAME"]))}


def url(name: str) -> str:
    """The address of another database on the server of the tests."""
    return urlunsplit(urlsplit(os.environ[URL])._replace(path=f"/{quote(name, safe='')}"))


def somebody_writes() -> bool:
    """Whether a transaction of another process is open that may hold locks."""
    if connection.vendor == "sqlite":
        return not _lock_is_free(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return bool(cursor.fetchone()[0])


def _lock_is_free(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as probe:
        try:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True
