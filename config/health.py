"""`/healthz`: is every part up? No sign-in, no secrets, a few milliseconds."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache

import redis
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from experiments.models import Worker

WORKER_SILENCE_S = 15
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
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError as error:
        raise Down("the data folder cannot be read") from error
    if free < LEAST_FREE_BYTES:
        raise Down(f"{free // 2**20} MB are free where the data lies: make room")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "broker": _broker_answers,
    "worker": _worker,
    "beat": _beat,
    "disk": _disk,
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
