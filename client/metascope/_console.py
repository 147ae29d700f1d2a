"""Standard output and error, passed on as before and kept line by line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

FLUSH_S = 1.0  # a finished line is kept after so long at the latest
QUIET_S = 2.0  # an unfinished one, when nothing was added to it for so long
FLUSH_CHARACTERS = 16_384
LONGEST_LINE = 10_000


class Console:
    """Collects whole lines of both streams; a line rewritten by "\\r" counts as its last state.

    What was printed is kept soon, whether or not more follows: a text without its newline too, as
    a line of its own, unless it is rewritten (a progress bar would be kept in all its states).
    """

    def __init__(self, keep: Callable[[list[str]], None]) -> None:
        self._keep = keep
        self._lock = threading.RLock()  # of what is collected; nothing is kept under it
        self._keeping = threading.Lock()
        self._timer: threading.Timer | None = None
        self._lines: list[str] = []
        self._held = 0
        self._flushed = time.monotonic()
        self._tees = [_Tee(self, name) for name in ("stdout", "stderr")]

    def take(self, tee: _Tee, text: str) -> None:
        """Text of a stream, as it was written."""
        with self._lock:
            self._add(tee.split(text))
            is_due = self._held >= FLUSH_CHARACTERS or time.monotonic() - self._flushed >= FLUSH_S
            if not (is_due and self._lines):
                self._arm()
                return
        self.flush()

    def flush(self, wait_s: float = 0.0) -> None:
        """Hand on what was collected; while another thread does that, wait at most so long.

        No waiting by default: whoever prints may hold what the other thread waits for.
        """
        if not self._keeping.acquire(timeout=wait_s):
            with self._lock:
                self._arm()
            return
        try:
            with self._lock:
                lines, self._lines, self._held = self._lines, [], 0
                self._flushed = time.monotonic()
                self._arm()
            if lines:
                self._keep(lines)
        finally:
            self._keeping.release()

    def after_fork(self) -> None:
        """In a forked child: what was collected is the parent's to keep."""
        self._lock, self._keeping = threading.RLock(), threading.Lock()
        self._timer = None
        self._lines, self._held = [], 0
        for tee in self._tees:
            tee.clear()

    def close(self) -> None:
        """Give the streams back, and keep the rest, unfinished lines included."""
        with self._lock:
            for tee in self._tees:
                self._add(tee.remove())
            if self._timer:
                self._timer.cancel()
        self.flush(wait_s=FLUSH_S)

    def _add(self, lines: list[str]) -> None:
        for line in lines:
            self._lines.append(_storable(line)[:LONGEST_LINE])
            self._held += len(line)

    def _arm(self) -> None:
        """Look again in a second, if there is anything that will have to be kept then."""
        if self._timer or not (self._lines or any(tee.is_waiting for tee in self._tees)):
            return
        self._timer = threading.Timer(FLUSH_S, self._settle)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:  # the interpreter ends and takes no new thread: `close` keeps it
            self._timer = None

    def _settle(self) -> None:
        with self._lock:
            self._timer = None
            for tee in self._tees:
                self._add(tee.settle())
        self.flush()


class _Tee:
    """Stands in for sys.stdout or sys.stderr; everything but `write` is the stream's own."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._stream: TextIO = getattr(sys, name)
        self._open = ""
        self._is_rewritten = False
        self._written = 0.0
        setattr(sys, name, self)

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        self._console.take(self, text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    @property
    def is_waiting(self) -> bool:
        """Whether there is an unfinished line that is kept once it is quiet."""
        return bool(self._open) and not self._is_rewritten

    def split(self, text: str) -> list[str]:
        """The lines that this text finishes; the rest stays open."""
        *lines, self._open = (self._open + text).split("\n")
        self._written = time.monotonic()
        self._is_rewritten = "\r" in self._open or (self._is_rewritten and not lines)
        if "\r" in self._open:  # a progress bar: what it showed before is gone from the screen too
            self._open = self._open.rstrip("\r").rpartition("\r")[2] + "\r" * self._open.endswith(
                "\r"
            )
        return [_last_state(line) for line in lines]

    def settle(self) -> list[str]:
        """The unfinished line, if nothing came for a while."""
        is_quiet = time.monotonic() - self._written >= QUIET_S
        return self._end() if self.is_waiting and is_quiet else []

    def remove(self) -> list[str]:
        """Gives the stream back; the unfinished line."""
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)
        return self._end()

    def clear(self) -> None:
        """Forgets the unfinished line."""
        self._open, self._is_rewritten = "", False

    def _end(self) -> list[str]:
        line = _last_state(self._open)
        self.clear()
        return [line] if line else []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _storable(line: str) -> str:
    """Without what no database keeps in a text: NUL and halves of surrogate pairs."""
    return line.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
