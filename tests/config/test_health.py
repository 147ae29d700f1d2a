"""/healthz says which part is down, and nothing else."""

import os
import threading
from datetime import timedelta

import pytest
import redis
from django.db import DatabaseError, connection
from django.utils import timezone

from config import health
from tests.factories import make_worker

pytestmark = pytest.mark.django_db


class FakeBroker:
    """Answers PING and knows whether somebody swept."""

    def __init__(self, *, swept: bool = True, is_up: bool = True) -> None:
        self.swept = swept
        self.is_up = is_up

    def ping(self) -> bool:
        if not self.is_up:
            raise redis.ConnectionError("refused")
        return True

    def exists(self, key: str) -> int:
        self.ping()
        return int(self.swept and key == "metascope:swept")


@pytest.fixture(autouse=True)
def folder(data_dir):
    data_dir.mkdir(exist_ok=True)


@pytest.fixture
def broker(monkeypatch):
    fake = FakeBroker()
    monkeypatch.setattr(health, "_broker", lambda url: fake)
    return fake


def test_all_up(client, broker):
    make_worker()

    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": dict.fromkeys(("database", "broker", "worker", "beat", "disk", "files"), "ok"),
    }
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "fields",
    [
        {"heartbeat_at": timezone.now() - timedelta(seconds=60)},
        {"heartbeat_at": None},
        {"stopped_at": timezone.now()},
    ],
)
def test_silent_or_stopped_worker_is_down(client, broker, fields):
    make_worker(**fields)

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert [name for name, state in answer.json()["checks"].items() if state != "ok"] == ["worker"]


def test_no_sweep_means_beat_is_down(client, broker):
    make_worker()
    broker.swept = False

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["beat"] == "no sweep lately"


def test_broker_that_is_away_is_named(client, broker):
    make_worker()
    broker.is_up = False

    checks = client.get("/healthz").json()["checks"]

    assert checks["broker"] == "does not answer"
    assert checks["beat"].startswith("unknown")
    assert checks["database"] == checks["worker"] == "ok"


def test_database_that_is_away_is_named(client, broker):
    def fail(execute, sql, params, many, context):
        raise DatabaseError("secret detail")

    with connection.execute_wrapper(fail):
        answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "does not answer"
    assert b"secret" not in answer.content


def test_only_reads_are_allowed(client):
    assert client.post("/healthz").status_code == 405


def test_a_disk_that_is_nearly_full_is_told(client, broker, monkeypatch):
    make_worker()
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**62)

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert "make room" in answer.json()["checks"]["disk"]


def test_a_data_folder_that_is_gone_is_told(client, broker, data_dir):
    make_worker()
    data_dir.rmdir()

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["disk"] == "the data folder cannot be read"


def test_a_folder_that_cannot_be_written_is_told(client, broker, data_dir, monkeypatch):
    make_worker()
    (data_dir / "blobs").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: path != data_dir / "blobs")

    checks = client.get("/healthz").json()["checks"]

    assert checks["files"] == "the folder of files cannot be written"
    assert checks["disk"] == "ok"


@pytest.fixture
def watch(monkeypatch):
    """What no other test has asked."""
    monkeypatch.setattr(health, "_store_watch", health.StoreWatch())
    monkeypatch.setattr(health, "STORE_KEPT_S", 0.0)


def test_a_bucket_that_is_gone_is_told(client, broker, bucket, watch):
    make_worker()
    assert client.get("/healthz").json()["checks"]["files"] == "ok"

    bucket.delete()

    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["files"] == "the bucket cannot be reached, or refuses"


def test_a_bucket_that_hangs_is_waited_for_briefly_and_asked_once(
    client, broker, bucket, watch, monkeypatch
):
    asked, go_on = [], threading.Event()

    def hang(store):
        asked.append(store)
        go_on.wait(30)

    monkeypatch.setattr(health, "STORE_LIMIT_S", 0.05)
    monkeypatch.setattr("experiments.object_store.ObjectStore.check", hang)

    told = [client.get("/healthz").json()["checks"]["files"] for _ in range(2)]
    go_on.set()

    assert told == ["the bucket did not answer within 0 s"] * 2
    assert len(asked) == 1


def test_a_bucket_is_not_asked_at_every_poll(client, broker, bucket, watch, monkeypatch):
    asked = []
    monkeypatch.setattr(health, "STORE_KEPT_S", 60.0)
    monkeypatch.setattr("experiments.object_store.ObjectStore.check", lambda self: asked.append(1))

    for _ in range(3):
        assert client.get("/healthz").json()["checks"]["files"] == "ok"

    assert len(asked) == 1
