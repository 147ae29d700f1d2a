"""gunicorn's threads: they go on with a client that asks again, and leave room for others."""

import io
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from config import serving


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> serving.Worker:
    """One with two threads, for which a request is a byte, and "x" the last."""
    found = serving.Worker.__new__(serving.Worker)
    found.alive = True
    found.answered = []
    found._places = threading.BoundedSemaphore(1)

    def answer(self: Any, conn: Any) -> bool:
        self.answered.append(conn.sock.recv(1))
        return bool(self.answered[-1] != b"x")

    monkeypatch.setattr(ThreadWorker, "handle", answer)
    return found


@pytest.fixture
def client() -> Iterator[Any]:
    """Its end of a connection, and the server's as gunicorn knows it."""
    ours, theirs = socket.socketpair()
    unreader = SimpleNamespace(buf=io.BytesIO())
    connection = SimpleNamespace(sock=theirs, parser=SimpleNamespace(unreader=unreader))
    with ours, theirs:
        yield SimpleNamespace(send=ours.send, connection=connection, unreader=unreader)


def test_a_thread_goes_on_while_its_client_asks(worker, client):
    client.send(b"abc")

    assert worker.handle(client.connection) is True

    assert worker.answered == [b"a", b"b", b"c"]


def test_a_connection_that_ends_is_not_kept_and_frees_the_place(worker, client):
    client.send(b"ax")

    assert worker.handle(client.connection) is False

    assert worker._places.acquire(blocking=False)


def test_half_of_the_threads_stay_with_nobody(worker, client):
    worker._places.acquire()  # another client's
    client.send(b"abc")

    assert worker.handle(client.connection) is True

    assert worker.answered == [b"a"]


def test_nobody_keeps_a_thread_for_ever(worker, client, monkeypatch):
    monkeypatch.setattr(serving, "IN_A_ROW", 2)
    client.send(b"abcdef")

    worker.handle(client.connection)

    assert worker.answered == [b"a", b"b", b"c"]


def test_a_server_that_ends_waits_for_no_other_request(worker, client):
    worker.alive = False
    client.send(b"ab")

    worker.handle(client.connection)

    assert worker.answered == [b"a"]


def test_what_was_read_ahead_is_left_to_gunicorn(worker, client):
    client.unreader.buf.write(b"GET")
    client.send(b"ab")

    worker.handle(client.connection)

    assert worker.answered == [b"a"]
