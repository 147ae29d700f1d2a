"""A Metascope of its own to measure: a data folder in a temporary place, one project, runs."""

import atexit
import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OWN_DATABASE = "METASCOPE_BENCH_DATABASE_URL"  # of a server that was started to be measured
STOP_S = 4.0
_groups: set[int] = set()  # of processes, that end when this one does


@contextmanager
def instance(keep: Path | None = None) -> Iterator[Path]:
    """Sets Django up on a database file: an empty one, deleted afterwards, or that in `keep`."""
    data = keep or Path(tempfile.mkdtemp(prefix="metascope-bench-"))
    data.mkdir(parents=True, exist_ok=True)
    # Never the database of an instance that somebody uses, which their shell may name.
    os.environ.pop("METASCOPE_DATABASE_URL", None)
    if url := os.environ.get(OWN_DATABASE):
        os.environ["METASCOPE_DATABASE_URL"] = url
    os.environ.update(METASCOPE_DATA=str(data), DJANGO_SETTINGS_MODULE="config.settings")
    sys.path.insert(0, str(ROOT))
    import django  # after the settings are named

    django.setup()
    # Of requests that this process answers itself; servers write theirs into their own files.
    logging.getLogger("metascope.requests").setLevel(logging.WARNING)
    from django.core.management import call_command
    from django.db import connections

    try:
        call_command("migrate", verbosity=0)
        yield data
    finally:
        connections.close_all()
        if keep is None:
            shutil.rmtree(data)


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A server, with all that it starts; ended afterwards, and however this process ends."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    _groups.add(process.pid)
    try:
        yield process
    finally:
        _end(process)
        _groups.discard(process.pid)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Its process group: some start processes that outlive them."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            break
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)


def _end_groups(*_: object) -> None:
    for group in _groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _terminated(number: int, _: object) -> None:
    """The servers first: whatever waits for their answers goes on then, and cleans up."""
    _end_groups()
    sys.exit(128 + number)


atexit.register(_end_groups)
if multiprocessing.parent_process() is None:
    for _number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(_number, _terminated)


def row_database(path: Path) -> sqlite3.Connection:
    """The layout to beat: one row per point, with the same durability."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;"
        "CREATE TABLE point (run INTEGER, key TEXT, step INTEGER, time REAL, value REAL);"
        "CREATE INDEX by_series ON point (run, key, step);"
    )
    return database


def size(path: Path) -> int:
    """Bytes of a database file, once its log is written back."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size


def again_on_postgresql(file: str, options: Sequence[str]) -> None:
    """Runs a benchmark once more, on a PostgreSQL server of its own that is as durable.

    To be called where `instance` has named where to find things.
    """
    from config import throwaway

    with throwaway.server(durable=True) as url:
        print(f"\n{throwaway.version()}", flush=True)
        environment = {**os.environ, OWN_DATABASE: url}
        subprocess.run([sys.executable, file, *options], env=environment, check=True)


def stored(data: Path) -> int:
    """Bytes of the instance's database, whichever it is, its write-ahead log apart."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return size(data / "metascope.sqlite3")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def database_files(data: Path) -> Iterator[Path]:
    """The files that the instance's database lies in."""
    from django.db import connection

    if connection.vendor == "sqlite":
        yield data / "metascope.sqlite3"
        return
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    yield from (path for path in (folder / "base").rglob("*") if path.is_file())


def backend() -> int | None:
    """The process of the PostgreSQL server that answers this one; None with SQLite."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
