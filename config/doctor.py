"""What is wrong with an instance, and how to mend it: checks that change nothing."""

import hashlib
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
from django.db import Error as DatabaseFailure
from django.db import ProgrammingError, connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config import database as start
from config import database_url, health
from config import postgresql as postgresql_server
from experiments import audit_keeping, blobs
from experiments.errors import NotFound, Unavailable
from experiments.management import database, postgresql, stores
from experiments.models import Job, MetricBatch, Worker
from experiments.models.jobs import JobStatus
from experiments.object_store import ObjectStore

SAMPLED_BLOBS = 200
MISSING = "missing"
RESTORE = "Restore it: `manage.py restore` of a backup, or copy blobs/ from one."
READ_AT_ONCE = 2**20
UNFOLDED_S = 600  # workers fold every 20 s
UNSERVED_S = 600
AHEAD_S = 60
CROWDED = 0.9  # part of the connections that a server has
PRIVATE_FILES = ("secret_key", "metrics_token", "database_url", "metascope.sqlite3")
MEND = {
    "broker": "Start Metascope with ./run, or check METASCOPE_BROKER_URL.",
    "worker": "Start Metascope with ./run; if it is up, read logs/worker.log.",
    "beat": "Start Metascope with ./run; if it is up, read logs/beat.log.",
    "disk": "Make room: `manage.py storage` says what takes it, `collect_garbage` frees some.",
}


@dataclass(frozen=True)
class Finding:
    """Something wrong: one sentence that says what, and one that says how to mend it."""

    check: str
    says: str
    mend: str


Check = Callable[[bool], Iterator[Finding]]


def examine(*, thorough: bool) -> dict[str, list[Finding]]:
    """Every check by name with what it found; `thorough` reads everything instead of a sample.

    Where the database does not answer, the checks that need it say so once, in "database"; one of
    a newer version is looked at no further.
    """
    found: dict[str, list[Finding]] = {}
    for name, check in CHECKS.items():
        try:
            found[name] = list(check(thorough))
        except DatabaseFailure as error:
            found[name] = [_no_answer(name, error)]
            if name == "database":
                break
        if name == "database" and any(one.says == database.missing() for one in found[name]):
            break
        if any(one.mend == start.OLDER for one in found[name]):
            break
    return found


_FULL = ("is full", "disk I/O", "unable to open")  # SQLite's words when it cannot write
_DATABASE = "Restore a backup with `manage.py restore`, or check METASCOPE_DATA."


def _no_answer(check: str, error: DatabaseFailure) -> Finding:
    if connection.vendor == "sqlite":
        return _no_file_answer(check, str(error))
    described = settings.DATABASES["default"]
    place = database_url.without_password(described)
    said = postgresql_server.sentence(error)
    if isinstance(error, ProgrammingError):  # it answers, and has no tables
        return Finding(
            check, f"The database {place} is not Metascope's, or has not been migrated ({said}).",
            f"Start ./run, which fills an empty one, or correct {postgresql_server.VARIABLE}.",
        )  # fmt: skip
    return Finding(
        check, f"The database {place} does not answer ({said}).",
        f"Start its server or make the database (createdb), or correct "
        f"{postgresql_server.VARIABLE}.",
    )  # fmt: skip


def _no_file_answer(check: str, said: str) -> Finding:
    """A full disk is told from a damaged file, which the words of SQLite alone do not."""
    folder = Path(settings.DATA_DIR)
    free = shutil.disk_usage(folder).free if folder.exists() else 0
    is_short = folder.exists() and free < health.LEAST_FREE_BYTES
    if "is full" in said or (is_short and any(word in said for word in _FULL)):
        return Finding(
            check,
            f"The disk that holds {folder} is full ({free // 2**20} MB are free), so the database "
            f"does not answer ({said}).",
            f"Make room on the disk that holds {folder}, then run doctor again.",
        )
    if "disk I/O" in said:
        return Finding(
            check, f"The database does not answer ({said}).",
            f"Look at the disk that holds {folder}: its quota, its mount, the system's log. Only "
            "if it is sound: restore a backup with `manage.py restore`.",
        )  # fmt: skip
    return Finding(check, f"The database does not answer ({said}).", _DATABASE)


def _database(thorough: bool) -> Iterator[Finding]:
    if problem := database.missing():
        yield Finding("database", problem, _DATABASE)
        return
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            yield from _postgresql(cursor)
            return
        cursor.execute(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(5)")
        for (text,) in cursor.fetchall():
            if text != "ok":
                yield Finding("database", f"The database is damaged: {text}.", _DATABASE)


def _postgresql(cursor: CursorWrapper) -> Iterator[Finding]:
    """What a server says about itself to any user; what its disk holds is its own to check."""
    cursor.execute("SHOW server_encoding")
    if (encoding := cursor.fetchone()[0]) != "UTF8":
        yield Finding(
            "database", f"The database keeps texts as {encoding}.",
            "Dump it, and restore it into one made with ENCODING 'UTF8'.",
        )  # fmt: skip
    cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    for (name,) in cursor.fetchall():
        yield Finding("database", f"The index {name} is not valid.", f"REINDEX INDEX {name};")
    cursor.execute(
        "SELECT sum(checksum_failures) FROM pg_stat_database WHERE datname = current_database()"
    )
    if failures := cursor.fetchone()[0]:
        yield Finding(
            "database", f"The server found {failures} damaged pages of the database.", _DATABASE
        )
    cursor.execute("SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity")
    open_now, most = cursor.fetchone()
    if open_now > CROWDED * most:
        yield Finding(
            "database", f"{open_now} of the server's {most} connections are in use.",
            "Raise max_connections, or start fewer workers and web servers.",
        )  # fmt: skip
    if not postgresql.have_programs():
        yield Finding(
            "database", "pg_dump and pg_restore are not on the PATH: `backup` cannot work.",
            "Install the client of the server's version.",
        )  # fmt: skip


def _audit(thorough: bool) -> Iterator[Finding]:
    if not audit_keeping.is_kept():
        yield Finding(
            "audit", "The database does not keep the audit log from being changed.",
            "Start Metascope again, which makes the triggers anew; find out who dropped them.",
        )  # fmt: skip


def _migrations(thorough: bool) -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    if newer := start.unknown_migrations(executor):
        yield Finding("migrations", start.newer(newer), start.OLDER)
        return
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield Finding(
            "migrations",
            f"{len(plan)} migrations have not been applied, {plan[0][0]} first.",
            "Back up, then start with ./run, which applies them.",
        )


def _parts(thorough: bool) -> Iterator[Finding]:
    for name, state in health.check_parts().items():
        if state != "ok" and name in MEND:
            yield Finding("parts", f"{name}: {state}.", MEND[name])


def _permissions(thorough: bool) -> Iterator[Finding]:
    folder = Path(settings.DATA_DIR)
    for path in (folder, *(folder / name for name in PRIVATE_FILES)):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        # The database lies in a folder that only its owner may enter.
        if mode & 0o077 and path.name != "metascope.sqlite3":
            yield Finding(
                "permissions", f"Others on this machine can read {path} ({mode:o}).",
                f"chmod go= {path}",
            )  # fmt: skip


def _settings(thorough: bool) -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding(
            "settings", "METASCOPE_DEBUG=1 shows tracebacks to whoever reaches the server.",
            "Unset it.",
        )  # fmt: skip
    if settings.CSRF_TRUSTED_ORIGINS and not settings.BEHIND_HTTPS:
        yield Finding(
            "settings",
            "METASCOPE_TRUSTED_ORIGINS is set, so a proxy is in front, and METASCOPE_HTTPS is not: "
            "cookies go over HTTP, and the audit log names the proxy's address.",
            "Set METASCOPE_HTTPS=1 if the proxy ends TLS.",
        )


def _clock(thorough: bool) -> Iterator[Finding]:
    ahead = timezone.now() + timedelta(seconds=AHEAD_S)
    for name in Worker.objects.filter(heartbeat_at__gt=ahead).values_list("name", flat=True):
        yield Finding(
            "clock", f"The worker {name} was heard of in the future.",
            "Set the clocks of the machines by NTP.",
        )  # fmt: skip


def _blobs(thorough: bool) -> Iterator[Finding]:
    """Files that something refers to; others may be on their way, or gone."""
    needed = blobs.referred_to()
    store = storages["blobs"]
    if isinstance(store, ObjectStore):
        try:
            store.check()
        except Unavailable as error:
            yield Finding(
                "blobs", f"{stores.place()} cannot be reached, or refuses.", stores.mend(error)
            )
            return
    hashes = needed.order_by("?" if not thorough else "pk").values_list("pk", flat=True)
    looked_at, wrong = 0, {}
    for sha in (hashes if thorough else hashes[:SAMPLED_BLOBS]).iterator():
        looked_at += 1
        if problem := _wrong_with(sha):
            wrong[sha] = problem
    if list(wrong.values()) == [MISSING] * max(looked_at, 2):
        yield Finding(
            "blobs", f"All {looked_at} files looked for are missing in {stores.place()}.",
            f"{stores.of_another()} If they are lost: `manage.py restore` of a backup.",
        )  # fmt: skip
        return
    for sha, problem in wrong.items():
        yield Finding("blobs", f"The file {sha} is {problem}.", RESTORE)


def _wrong_with(sha: str) -> str:
    digest = hashlib.sha256()
    try:
        with blobs.open_blob(sha) as file:
            while part := file.read(READ_AT_ONCE):
                digest.update(part)
    except (NotFound, FileNotFoundError):
        return MISSING
    except (Unavailable, OSError) as error:
        return f"not readable ({error})"
    return "" if digest.hexdigest() == sha else "damaged"


def _folding(thorough: bool) -> Iterator[Finding]:
    old = timezone.now() - timedelta(seconds=UNFOLDED_S)
    waiting = MetricBatch.objects.filter(payload__isnull=False, created_at__lt=old).count()
    if waiting:
        yield Finding(
            "folding",
            f"{waiting:,} batches of points wait for more than {UNFOLDED_S // 60} minutes to be "
            "folded; charts read them more slowly.",
            "Start a worker; if one is up, read logs/worker.log.",
        )


def _jobs(thorough: bool) -> Iterator[Finding]:
    now = timezone.now()
    lost = Job.objects.filter(
        status=JobStatus.RUNNING, lease_until__lt=now - timedelta(seconds=settings.LEASE_S)
    )
    for job_id, worker in lost.values_list("pk", "worker__name"):
        yield Finding(
            "jobs", f"The job {job_id} runs, but its worker {worker} has fallen silent.",
            "Start a worker: it queues the job again from its checkpoint.",
        )  # fmt: skip
    alive = Worker.objects.filter(
        stopped_at=None, heartbeat_at__gt=now - timedelta(seconds=health.WORKER_SILENCE_S)
    )
    served = {queue for queues in alive.values_list("queues", flat=True) for queue in queues}
    waiting = Job.objects.filter(
        status=JobStatus.QUEUED, created_at__lt=now - timedelta(seconds=UNSERVED_S)
    )
    for queue in sorted(set(waiting.values_list("queue", flat=True)) - served):
        count = waiting.filter(queue=queue).count()
        yield Finding(
            "jobs", f"{count:,} jobs wait in the queue {queue}, which no live worker serves.",
            "Start a worker for it, or cancel them.",
        )  # fmt: skip


CHECKS: dict[str, Check] = {
    "database": _database,
    "migrations": _migrations,
    "audit": _audit,
    "parts": _parts,
    "permissions": _permissions,
    "settings": _settings,
    "clock": _clock,
    "blobs": _blobs,
    "folding": _folding,
    "jobs": _jobs,
}
