"""The console of a script: kept line by line, and what has no newline kept too."""

import sys
import threading
import time
from contextlib import contextmanager

import pytest
from metascope import _console
from metascope._console import Console

LIMIT_S = 10.0


@pytest.fixture
def kept(monkeypatch, capsys):
    """The lines that were kept so far; `console` closes by itself."""
    monkeypatch.setattr(_console, "FLUSH_S", 0.05)
    monkeypatch.setattr(_console, "QUIET_S", 0.1)
    return []


@contextmanager
def recording(kept: list[str]):
    """Not a fixture: pytest puts back the streams it captured between a fixture and its test."""
    console = Console(lambda lines, stderr: kept.extend(lines))
    try:
        yield console
    finally:
        console.close()


def wait_for(kept: list[str], lines: list[str]) -> None:
    until = time.monotonic() + LIMIT_S
    while kept != lines:
        assert time.monotonic() < until, kept
        time.sleep(0.01)


def test_a_finished_line_is_kept_though_nothing_follows(kept, monkeypatch):
    monkeypatch.setattr(_console, "QUIET_S", 3600.0)

    with recording(kept):
        print("epoch 1")
        wait_for(kept, ["epoch 1"])

    assert kept == ["epoch 1"]


def test_an_unfinished_line_is_kept_once_it_is_quiet(kept):
    with recording(kept):
        print("loading ...", end="")

        wait_for(kept, ["loading ..."])
        print(" done")
        wait_for(kept, ["loading ...", " done"])

    assert kept == ["loading ...", " done"]


def test_an_unfinished_line_that_goes_on_is_one_line(kept, monkeypatch):
    monkeypatch.setattr(_console, "QUIET_S", 3600.0)

    with recording(kept):
        sys.stderr.write("one ")
        sys.stderr.write("line\nnext")
        wait_for(kept, ["one line"])

    assert kept == ["one line", "next"]


def test_a_line_that_is_rewritten_is_kept_in_its_last_state_alone(kept, monkeypatch):
    monkeypatch.setattr(_console, "QUIET_S", 0.0)

    with recording(kept) as console:
        for bar in ("\r 10 %", "\r", " 20 %"):
            print(bar, end="")
            console._settle()
        assert kept == []

        print("\r100 %\nafter", end="")
        wait_for(kept, ["100 %", "after"])


def test_the_end_keeps_everything_and_gives_the_streams_back(kept, monkeypatch):
    monkeypatch.setattr(_console, "FLUSH_S", 3600.0)
    before = sys.stdout, sys.stderr
    console = Console(lambda lines, stderr: kept.extend(lines))

    print("whole\nunfinished", end="")
    console.close()

    assert kept == ["whole", "unfinished"]
    assert (sys.stdout, sys.stderr) == before


def test_lines_of_one_thread_stay_in_order_and_none_is_lost(kept):
    console = Console(lambda lines, stderr: kept.extend(lines))

    def talk(name: str) -> None:
        for number in range(500):
            sys.stdout.write(f"{name} {number}\n")

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    console.close()

    for name in "abc":
        mine = [line for line in kept if line.startswith(name)]
        assert mine == [f"{name} {number}" for number in range(500)]


def test_keeping_may_print_while_another_thread_holds_what_it_needs(kept):
    """As a run does: it complains under its own lock, and keeping takes that lock."""
    lock = threading.Lock()
    is_keeping = threading.Event()

    def keep(lines: list[str], stderr: list[int]) -> None:
        is_keeping.set()
        with lock:
            kept.extend(lines)

    console = Console(keep)
    with lock:
        print("first")
        assert is_keeping.wait(LIMIT_S)
        print("x" * _console.FLUSH_CHARACTERS)  # must not wait for the thread that keeps "first"
    wait_for(kept, ["first", "x" * _console.LONGEST_LINE])
    console.close()
