"""Copies of a PostgreSQL database, made and read by its own programs."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from django.db import connection, transaction

from experiments.management import copies

DUMP = "metascope.pgdump"
ABOUT = "backup.json"
PROGRAMS = ("pg_dump", "pg_restore")
MISSING = (
    "The database is PostgreSQL, and its programs pg_dump and pg_restore are not on the PATH: "
    "install the client of your server's version (Debian, Ubuntu: apt install postgresql-client). "
    "By hand: copy the folder blobs/, dump the database, copy what is new in blobs/."
)
# Of a connection's options, those that its programs are told, and how.
_VARIABLES = {
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "connect_timeout": "PGCONNECT_TIMEOUT",
}  # fmt: skip


class Failed(Exception):
    """A program of PostgreSQL did not do it; the text is a sentence."""


@dataclass(frozen=True)
class Dump:
    """What is known of a dump without reading it: kept beside it, in ABOUT."""

    sha256: str
    server: str
    migrations: Sequence[str]
    blobs: Sequence[str]  # the SHA-256 of each file that it refers to


def have_programs() -> bool:
    """Whether backup and restore can be done here."""
    return all(map(shutil.which, PROGRAMS))


def dump(target: Path) -> Dump:
    """Writes the database as it is at one moment into the folder `target`. Raises Failed.

    Nobody is kept from writing. The list of files is of the same moment as the dump.
    """
    path = target / DUMP
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # The connection waits for the program, however long that takes.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
        snapshot, server = cursor.fetchone()
        cursor.execute(copies.REFERRED_TO)
        shas = [sha for (sha,) in cursor.fetchall()]
        cursor.execute(copies.MIGRATIONS)
        migrations = [name for (name,) in cursor.fetchall()]
        _call(
            "pg_dump", "--format=custom", "--no-owner", "--no-privileges",
            f"--snapshot={snapshot}", f"--file={path}",
        )  # fmt: skip
    path.chmod(0o600)
    made = Dump(_sha256(path), server, sorted(migrations), shas)
    (target / ABOUT).write_text(json.dumps(asdict(made)))
    return made


def read_dump(source: Path) -> Dump:
    """What is known of the dump in `source`, once all of it was read. Raises NotWhole, Failed."""
    path = source / DUMP
    try:
        about = Dump(**json.loads((source / ABOUT).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise copies.NotWhole(f"{source / ABOUT} cannot be read ({error}).") from error
    if _sha256(path) != about.sha256:
        raise copies.NotWhole(f"{path} is damaged.")
    _call("pg_restore", f"--file={os.devnull}", str(path))
    return about


def load(source: Path) -> None:
    """Fills the database, which is empty, from the dump in `source`: all or nothing.

    Raises Failed.
    """
    _call(
        "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        f"--dbname={connection.settings_dict['NAME']}", str(source / DUMP),
    )  # fmt: skip


def _call(*command: str) -> None:
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if "error" in line.lower()]
        said = (lines or ["no reason given"])[0]
        raise Failed(f"{command[0]} failed ({said}).")


def _environment() -> dict[str, str]:
    """Where the database is, without a password on the command line."""
    described = connection.settings_dict
    options = described["OPTIONS"]
    told = {
        "PGDATABASE": described["NAME"], "PGUSER": described["USER"],
        "PGPASSWORD": described["PASSWORD"], "PGHOST": described["HOST"],
        "PGPORT": described["PORT"],
    }  # fmt: skip
    told |= {_VARIABLES[name]: options[name] for name in _VARIABLES if name in options}
    return {**os.environ, **{name: str(value) for name, value in told.items() if value}}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise copies.NotWhole(f"{path} is missing.") from error
