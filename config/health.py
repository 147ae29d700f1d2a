"""`/healthz`: is every part up? No sign-in, no secrets, a few milliseconds.

The store of files may be far away: it is asked by a thread, now and then, and waited for briefly.
"""

import contextlib
import math
import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import redis
from django.conf import settings
from django.core.files.storage import storages
from django.db import Error as DatabaseFailure
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from experiments.errors import Unavailable
from experiments.models import Worker
from experiments.object_store import ObjectStore

WORKER_SILENCE_S = 15
STORE_LIMIT_S = 2.0
STORE_KEPT_S = 10.0  # an answer of the store of files is as good for so long
LEAST_FREE_BYTES = 32 * 2**20  # below it, the next batch may be refused
SWEPT_KEY = "metascope:swept"  # written by worker.tasks.sweep_jobs, expires by itself


class Down(Exception):
    """A part does not answer; the text says which and what is wrong, without internals."""


@lru_cache(maxsize=2)
def _broker(url: str) -> "redis.Redis":
    """A client with a small pool, shared by the threads of this process."""
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFailure as error:
        raise Down("does not answer") from error


def _broker_answers() -> None:
    try:
        _broker(settings.CELERY_BROKER_URL).ping()
    except redis.RedisError as error:
        raise Down("does not answer") from error


def _worker() -> None:
    since = timezone.now() - timedelta(seconds=WORKER_SILENCE_S)
    try:
        alive = Worker.objects.filter(heartbeat_at__gte=since, stopped_at=None).exists()
    except DatabaseFailure as error:
        raise Down("unknown: the database does not answer") from error
    if not alive:
        raise Down(f"no worker was heard of in the last {WORKER_SILENCE_S} seconds")


def _beat() -> None:
    """Beat is alive when the sweep it triggers was executed lately."""
    try:
        swept = _broker(settings.CELERY_BROKER_URL).exists(SWEPT_KEY)
    except redis.RedisError as error:
        raise Down("unknown: the broker does not answer") from error
    if not swept:
        raise Down("no sweep lately")


def _disk() -> None:
    _require_room(Path(settings.DATA_DIR), "the data folder", "the data lies")


def _require_room(folder: Path, name: str, what_lies: str) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise Down(f"{name} cannot be read") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Down(f"{name} cannot be written")
    if free < LEAST_FREE_BYTES:
        raise Down(f"{free // 2**20} MB are free where {what_lies}: make room")


class StoreWatch:
    """What the store of files last said, asked by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._asked_at = -math.inf
        self._state = ""

    def state(self, store: ObjectStore) -> str:
        """ "" when it is well. Waits for an answer for STORE_LIMIT_S at most."""
        with self._lock:
            if self._asking is None and time.monotonic() - self._asked_at < STORE_KEPT_S:
                return self._state
            if self._asking is None:
                self._asking = threading.Thread(target=self._ask, args=(store,), daemon=True)
                self._asking.start()
            asking = self._asking
        asking.join(STORE_LIMIT_S)
        if asking.is_alive():
            return f"the bucket did not answer within {STORE_LIMIT_S:.0f} s"
        return self._state

    def _ask(self, store: ObjectStore) -> None:
        state = "the bucket cannot be reached, or refuses"
        try:
            with contextlib.suppress(Unavailable):
                store.check()
                state = ""
        finally:
            with self._lock:
                self._state, self._asked_at, self._asking = state, time.monotonic(), None


_store_watch = StoreWatch()


def _files() -> None:
    """The bucket, or the folder that stands for one; it is made with the first file."""
    store = storages["blobs"]
    if isinstance(store, ObjectStore):
        if state := _store_watch.state(store):
            raise Down(state)
        return
    folder = Path(settings.DATA_DIR) / "blobs"
    if folder.exists():
        _require_room(folder, "the folder of files", "files lie")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "broker": _broker_answers,
    "worker": _worker,
    "beat": _beat,
    "disk": _disk,
    "files": _files,
}


def check_parts() -> dict[str, str]:
    """Each part's state: "ok", or what is wrong with it."""
    states = {}
    for name, check in CHECKS.items():
        try:
            check()
        except Down as problem:
            states[name] = str(problem)
        else:
            states[name] = "ok"
    return states


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all parts are up, otherwise 503; the body names what is down."""
    states = check_parts()
    is_well = all(state == "ok" for state in states.values())
    return JsonResponse(
        {"status": "ok" if is_well else "down", "checks": states}, status=200 if is_well else 503
    )
