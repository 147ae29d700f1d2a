"""Delivery: everything once, in order, whatever request fails and wherever the client dies."""

import errno
import math
import os

import pytest
from metascope import _batch, _delivery
from metascope._channel import Channel
from metascope._delivery import Delivery
from metascope._errors import Refused, Unreachable
from metascope._records import event_payload
from metascope._run import Run
from metascope._segments import segments
from metascope._settings import load
from metascope._spool import Spool
from metascope._state import save_state

from tests.client.server import Server


@pytest.fixture
def make_run(tmp_path):
    """A run whose spool nobody delivers but the test."""

    def make(**options) -> tuple[Run, Spool]:
        spool = Spool(tmp_path / "spool", Server.url, **options)
        run = Run(Channel(spool, None, lambda: pytest.fail("no fork here"), load()))
        run._event("start", {"project": "lab/x"})
        return run, spool

    return make


def deliver(spool: Spool, server: Server) -> Delivery:
    """To the end, starting anew after each failure, as a client that died would."""
    for _ in range(200):
        delivery = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
        try:
            while delivery.step(spool.written):
                pass
        except Unreachable:
            continue
        return delivery
    raise AssertionError("never delivered")


def expected(steps: int) -> list[tuple[str, int, float]]:
    return [(key, step, value) for step in range(steps) for key, value in
            (("a", step * 0.5), ("b", -step))]  # fmt: skip


def log(run: Run, steps: int) -> None:
    for step in range(steps):
        run.log({"a": step * 0.5, "b": -step}, step=step)


@pytest.mark.parametrize("lost", ["before", "after"])
def test_any_failing_request_changes_nothing(make_run, monkeypatch, lost):
    """Fails the 1st request, then the 2nd, ... until a delivery runs clean."""
    monkeypatch.setattr(_batch, "BATCH_POINTS", 8)
    run, spool = make_run()
    log(run, 10)
    run.log_params({"lr": 0.1})
    log(run, 3)
    run._event("finish", {"status": "completed"})
    clean = Server()
    deliver(spool, clean)
    assert clean.requests == 7  # start, 3 batches, params, 1 batch, finish

    for failing in range(1, clean.requests + 1):
        for state in spool.folder.glob("state.json"):
            state.unlink()
        server = Server(lambda number, failing=failing: lost if number == failing else "")
        delivery = deliver(spool, server)

        assert sorted(server.points) == sorted(expected(10) + expected(3))
        assert len(server.runs) == 1
        assert delivery.state.refused == 0


def test_a_batch_keeps_its_number_and_content_while_the_spool_grows(make_run):
    run, spool = make_run()
    log(run, 2)
    server = Server(lambda number: "after" if number == 2 else "")
    delivery = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    assert delivery.step(spool.written)
    with pytest.raises(Unreachable):
        delivery.step(spool.written)

    log(run, 5)
    deliver(spool, server)

    assert sorted(server.points) == sorted(expected(2) + expected(5))


@pytest.mark.parametrize("kept", [1, 2, 3, 5])
def test_what_was_sent_is_found_again_where_no_note_of_it_could_be_kept(
    make_run, monkeypatch, kept
):
    """The disk takes no more notes after so many; the client dies, and all goes out again, in
    batches of other sizes."""
    monkeypatch.setattr(_batch, "BATCH_POINTS", 8)
    run, spool = make_run()
    server = Server()
    sending = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    noted = 0

    def save(*arguments, **options) -> None:
        nonlocal noted
        noted += 1
        if noted > kept:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_state(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(_delivery, "save_state", save)
        for some in (3, 1, 9, 2):
            log(run, some)
            while sending.step(spool.written):
                pass
    assert sending.is_unmarked
    log(run, 6)
    run._event("finish", {"status": "completed"})
    monkeypatch.setattr(_batch, "BATCH_POINTS", 1_000)

    delivery = deliver(spool, server)

    wanted = [point for some in (3, 1, 9, 2, 6) for point in expected(some)]
    assert sorted(server.points) == sorted(wanted)
    assert (delivery.state.refused, delivery.state.done) == (0, True)


def test_a_number_of_a_batch_that_is_gone_is_not_used_again(make_run):
    """It lay in memory, and its process was killed on the way."""
    run, spool = make_run()
    server = Server(lambda number: "after" if number == 2 else "")
    log(run, 2)
    delivery = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    delivery.step(spool.written)
    with pytest.raises(Unreachable):
        delivery.step(spool.written)
    os.truncate(segments(spool.folder)[0].path, delivery.state.offset)

    again = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    while again.step(None):
        pass

    assert (again.state.cut, again.state.number) == (None, 2)


def test_a_resume_is_not_sent_twice_because_a_disk_is_full(make_run, monkeypatch):
    run, spool = make_run()
    run._event("resume", {"run": "run0", "after_step": 3})
    server = Server()
    deliver_to = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    deliver_to.step(spool.written)
    monkeypatch.setattr(Delivery, "_resume", lambda *arguments, **options: ("run0", "lab/x"))

    def full(*arguments, **options) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_delivery, "save_state", full)
        with pytest.raises(OSError, match="No space"):
            deliver_to.step(spool.written)
    place = deliver_to.state.position

    deliver_to.step(spool.written)

    assert place < deliver_to.state.position == spool.written


def test_keys_are_known_again_after_a_new_segment_and_a_new_process(make_run, monkeypatch):
    monkeypatch.setattr(_batch, "BATCH_POINTS", 6)
    run, spool = make_run(segment_bytes=200)
    log(run, 20)
    assert len(segments(spool.folder)) > 3
    server = Server(lambda number: "before" if number % 2 else "")

    deliver(spool, server)

    assert sorted(server.points) == sorted(expected(20))
    assert len(segments(spool.folder)) == 1  # what was delivered is removed


def test_a_log_of_very_many_keys_is_split(make_run):
    run, spool = make_run()
    run.log({f"k{i}": i for i in range(2_300)}, step=7)
    server = Server()

    deliver(spool, server)

    assert sorted(server.points) == sorted((f"k{i}", 7, float(i)) for i in range(2_300))
    assert all(len(body) < 100_000 for body in server.batches.values())


def test_what_the_server_refuses_is_put_aside_and_the_rest_goes_on(make_run):
    run, spool = make_run()
    run.log_params({"lr": 0.1})
    log(run, 2)
    server = Server()
    original = server.post

    def post(path, body, *, key=None):
        if path.endswith("params/"):
            raise Refused("params.lr: has another value")
        return original(path, body, key=key)

    server.post = post  # type: ignore[method-assign]
    delivery = deliver(spool, server)

    assert sorted(server.points) == sorted(expected(2))
    assert delivery.state.refused == 1
    assert "has another value" in (spool.folder / "refused.jsonl").read_text()
    assert b'"lr": 0.1' in (spool.folder / "refused-1.bin").read_bytes()


def test_values_arrive_as_they_were(make_run):
    run, spool = make_run()
    values = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 0.0]
    for value in values:
        run.log({"v": value}, step=-(2**63))
    run.log({"v": 1}, step=2**63 - 1)
    server = Server()

    deliver(spool, server)

    found = sorted(server.points, key=lambda point: point[1])
    assert {point[1] for point in found} == {-(2**63), 2**63 - 1}
    assert [repr(value) for _, _, value in found] == [*map(repr, values), "1.0"]


def test_what_goes_with_a_run_waits_while_its_run_is_known_elsewhere_only(make_run, tmp_path):
    run, spool = make_run()
    deliver(spool, Server())
    other = Server()
    other.url = "http://127.0.0.1:2"
    known: list[str] = []

    def get(path: str) -> dict[str, str]:
        if path not in known:
            raise Refused("no such run", 404)
        return {}

    other.get = get  # type: ignore[attr-defined]
    with_it = Spool(tmp_path / "with it", other.url)
    content = {"parent": str(spool.folder)}
    with_it.write(event_payload({"type": "attach", "content": content}))

    delivery = Delivery(with_it.folder, "d", other)  # type: ignore[arg-type]
    with pytest.raises(Unreachable, match="not on http://127.0.0.1:2"):
        delivery.step(with_it.written)
    assert Delivery(with_it.folder, "d", other).state.run is None  # type: ignore[arg-type]

    known.append("runs/run0/")
    assert deliver(with_it, other).state.run == "run0"
