"""What a script's whole process tree writes to descriptors 1 and 2: that of its child processes
and of libraries in C, too. A process of our own (`_relay`) passes it on and keeps it.

Nothing of the script depends on that process: should it die, the descriptors lead where they led
before, and what stands in the pipes is passed on from here.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import urllib3

from metascope._relay import CLOSE, DRAINED, ENDED, PIECE

NUMBERS = {"stdout": 1, "stderr": 2}
BEGIN_S = 10.0
DRAIN_S = 0.9  # the script's end waits no longer for a relay that cannot pass on
DRAINED_PIECES = 16
_HERE = Path(__file__).resolve()
_lock = threading.Lock()  # held by the one of this process


def capturable() -> list[str]:
    """The streams of Python's that lead to their descriptor, and not to a terminal: there,
    programs ask what they write to, and people type. None where this is process 1, whose end ends
    all others.
    """
    if os.getpid() == 1:
        return []
    return [name for name, number in NUMBERS.items() if _leads(getattr(sys, name), number)]


def _leads(stream: object, number: int) -> bool:
    if type(stream) is not io.TextIOWrapper:  # a notebook's, a test's, another tool's
        return False
    try:
        return stream.fileno() == number and not os.isatty(number)
    except (OSError, ValueError):
        return False


class Descriptors:
    """Captures the descriptors of these streams until `close`. Raises OSError where that cannot
    be done, or is done already: then nothing has changed. `died` is called where they lead back,
    as the relay is gone before its time."""

    def __init__(
        self, folder: Path, streams: list[str], died: Callable[[], None] = lambda: None,
        label: str = "",
    ) -> None:  # fmt: skip
        if not _lock.acquire(blocking=False):
            raise OSError("another run of this process captures the descriptors")
        self._died = died
        self._saved: dict[int, int] = {}
        self._pipes: dict[int, int] = {}
        self._ends: list[int] = []
        self._broken: set[int] = set()  # descriptors that take no more
        self._drained = threading.Event()
        self._is_closing = self._is_ended = self._has_died = False
        self._stand_ins: dict[int, int] = {}  # pipes of a relay that died, to where they lead
        self._passing = threading.Lock()  # held from reading a piece until it is written
        self._buffered: list[io.TextIOWrapper] = []
        try:
            self._begin(folder.resolve(), streams, label)
        except BaseException:
            self._restore()
            self._let_go()
            raise
        self._watcher = threading.Thread(target=self._watch, name="metascope-relay", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """The descriptors lead where they led; waits, not for long, until all that this process
        wrote is there. Child processes go on writing through the relay."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the script's own affair
                stream.flush()
        self._is_closing = True
        self._restore()
        with contextlib.suppress(OSError):  # it has died
            os.write(self._orders, CLOSE)
        self._drained.wait(DRAIN_S)
        if 1 in self._broken:
            _leave_unwritten(sys.stdout)
        if self._has_died and self._passing.acquire(timeout=DRAIN_S):
            with contextlib.suppress(OSError):  # they lead nowhere any more
                self._take_over()
                self._pass_on_what_stands()
            self._passing.release()
        self._let_go()

    def wait(self, wait_s: float) -> None:
        """After `close`: until all is kept, where no child process can write any more."""
        if self._is_ended:
            self._watcher.join(wait_s)

    def after_fork(self) -> None:
        """In a forked child: it writes through the relay, and watches nothing."""
        self._let_go()
        with contextlib.suppress(OSError):
            os.close(self._answers)

    def _begin(self, folder: Path, streams: list[str], label: str) -> None:
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        self._ends = [self._orders]
        writing: dict[int, int] = {}
        theirs = [orders, answers]
        try:
            for name in streams:
                number = NUMBERS[name]
                self._pipes[number], writing[number] = os.pipe()
                self._saved[number] = os.dup(number)
                os.set_inheritable(self._saved[number], False)
            places = [str(Path(one).resolve().parents[1]) for one in (_HERE, urllib3.__file__)]
            relay = subprocess.Popen(
                [sys.executable, "-S", "-s", str(_HERE.with_name("_relay.py")), str(folder),
                 str(orders), str(answers), label,
                 *(f"{one}:{self._pipes[one]}" for one in writing)],
                stdin=subprocess.DEVNULL, pass_fds=[orders, answers, *self._pipes.values()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(places))},
            )  # fmt: skip
            try:
                code = relay.wait(BEGIN_S)
            except subprocess.TimeoutExpired:
                relay.kill()
                relay.wait()
                code = -1
            if code:
                raise OSError("the relay did not begin")
            for name in streams:
                stream = getattr(sys, name)
                stream.flush()
                os.dup2(writing[NUMBERS[name]], NUMBERS[name])
                if not stream.line_buffering:
                    stream.reconfigure(line_buffering=True)
                    self._buffered.append(stream)
        finally:
            for one in (*theirs, *writing.values()):
                os.close(one)

    def _watch(self) -> None:
        """What the relay says, until it is gone."""
        answers = self._answers
        while True:
            try:
                found = os.read(answers, 1)
            except OSError:  # the script has closed whatever there was
                found = b""
            if found in (DRAINED, ENDED):
                self._is_ended = found == ENDED
                self._drained.set()
            elif found and found.isdigit():  # leads nowhere: the script's next word finds out
                self._broken.add(int(found))
                self._restore(int(found))
            else:
                break
        self._has_died = not self._is_ended
        self._drained.set()
        with contextlib.suppress(OSError):
            os.close(answers)
        if self._has_died:
            self._stand_in()

    def _stand_in(self) -> None:
        """The relay has died: pass on what is in the pipes, and what child processes yet write."""
        with contextlib.suppress(OSError):  # the script has closed whatever there was
            with self._passing:  # what was written before stays before
                if self._is_closing:  # which sees to it
                    return
                self._take_over()
                self._pass_on_what_stands()
                self._restore()
            self._died()
            while self._stand_ins:
                select.select(list(self._stand_ins), [], [])
                with self._passing:
                    self._pass_on_what_stands()

    def _take_over(self) -> None:
        """The pipes of the relay are ours from now on; what they hold goes where it would."""
        pipes, self._pipes = self._pipes, {}
        for number, pipe in pipes.items():
            self._stand_ins[pipe] = os.dup(self._saved.get(number, number))

    def _pass_on_what_stands(self) -> None:
        """Without waiting for more; nothing where the relay lives."""
        for _ in range(DRAINED_PIECES):
            ready = select.select(list(self._stand_ins), [], [], 0)[0]
            for pipe in ready:
                if data := os.read(pipe, PIECE):
                    _write_all(self._stand_ins[pipe], data)
                else:
                    os.close(pipe)
                    os.close(self._stand_ins.pop(pipe))
            if not ready:
                return

    def _restore(self, *numbers: int) -> None:
        for stream in self._buffered:
            with contextlib.suppress(Exception):  # it may be closed by now
                stream.reconfigure(line_buffering=False)
        for number in numbers or tuple(self._saved):
            if (saved := self._saved.pop(number, None)) is not None:
                with contextlib.suppress(OSError):
                    os.dup2(saved, number)
                    os.close(saved)

    def _let_go(self) -> None:
        for one in (*self._ends, *self._pipes.values(), *self._saved.values()):
            with contextlib.suppress(OSError):
                os.close(one)
        self._ends, self._pipes, self._saved = [], {}, {}
        if _lock.locked():
            _lock.release()


def _leave_unwritten(stream: object) -> None:
    """What took the pipe for written is lost: the script's next flush, at its end if no sooner,
    finds out as without us."""
    if isinstance(stream, io.TextIOWrapper) and _leads(stream, 1):
        with contextlib.suppress(OSError, ValueError):
            stream.reconfigure(line_buffering=False, write_through=False)
            stream.write("\n")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
