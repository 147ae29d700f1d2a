"""A PostgreSQL database at start-up: does it answer, is it ours, can it hold every text?"""

from pathlib import Path
from typing import Any

from django.db import connection

from config import database_url
from config.refusal import StartRefused, no_room

VARIABLE = "METASCOPE_DATABASE_URL"


def check(place: str, blobs: Path) -> None:
    """Reads the encoding and the list of tables; nothing is changed.

    `place`: the database as messages name it. `blobs`: where its files lie. Raises StartRefused,
    or what the server says.
    """
    encoding = _value("SHOW server_encoding")
    if encoding != "UTF8":
        raise StartRefused(
            f"the database {place} keeps texts as {encoding}: make one with CREATE DATABASE ... "
            f"ENCODING 'UTF8' TEMPLATE template0 and name it in {VARIABLE}."
        )
    tables = set(connection.introspection.table_names())
    if not tables and any(found.is_file() for found in blobs.rglob("*")):
        raise StartRefused(
            f"the database {place} is empty while {blobs} still holds its files: restore both "
            f"from a backup, choose another folder with --data, or correct {VARIABLE}."
        )
    others = tables - {"django_migrations", *connection.introspection.django_table_names()}
    if others and not _is_ours(tables):
        raise StartRefused(
            f"{place} is the database of another program (it has a table {min(others)!r}): name "
            f"another one in {VARIABLE}."
        )


def sentence(error: Exception) -> str:
    """The line of what the server, or the way to it, says that names the reason."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return next((line for line in lines if "FATAL" in line or "ERROR" in line), lines[0]).strip()


def explain(error: Exception, described: dict[str, Any]) -> StartRefused:
    """What the server, or the way to it, says is wrong."""
    place = database_url.without_password(described)
    said = sentence(error)
    if "No space left" in str(error):
        return no_room(f"the database {place}")
    if "permission denied" in said or "must be owner" in said:
        return StartRefused(
            f"the database {place} cannot be written ({said}): make the user of {VARIABLE} its "
            "owner."
        )
    return StartRefused(
        f"the database {place} does not answer ({said}): start its server, or correct {VARIABLE}."
    )


def _is_ours(tables: set[str]) -> bool:
    ours = "SELECT count(*) FROM django_migrations WHERE app = 'experiments'"
    return "django_migrations" in tables and _value(ours) != 0


def _value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]
