"""Standard output and error, passed on as before and kept line by line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

FLUSH_S = 1.0
FLUSH_CHARACTERS = 16_384
LONGEST_LINE = 10_000


class Console:
    """Collects whole lines of both streams; a line rewritten by "\\r" counts as its last state."""

    def __init__(self, keep: Callable[[list[str]], None]) -> None:
        self._keep = keep
        self._lock = threading.RLock()
        self._lines: list[str] = []
        self._held = 0
        self._flushed = time.monotonic()
        self._tees = [_Tee(self, name) for name in ("stdout", "stderr")]

    def add(self, line: str) -> None:
        """One finished line."""
        with self._lock:
            self._lines.append(_storable(line)[:LONGEST_LINE])
            self._held += len(line)
            if self._held >= FLUSH_CHARACTERS or time.monotonic() - self._flushed >= FLUSH_S:
                self.flush()

    def flush(self) -> None:
        """Hand on what was collected."""
        with self._lock:
            lines, self._lines, self._held = self._lines, [], 0
            self._flushed = time.monotonic()
        if lines:
            self._keep(lines)

    def after_fork(self) -> None:
        """In a forked child: what was collected is the parent's to keep."""
        self._lock = threading.RLock()
        self._lines, self._held = [], 0

    def close(self) -> None:
        """Give the streams back, unfinished lines included."""
        for tee in self._tees:
            tee.remove()
        self.flush()


class _Tee:
    """Stands in for sys.stdout or sys.stderr; everything but `write` is the stream's own."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._stream: TextIO = getattr(sys, name)
        self._open = ""
        setattr(sys, name, self)

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        self._take(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def remove(self) -> None:
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)
        if self._open:
            self._console.add(_last_state(self._open))
            self._open = ""

    def _take(self, text: str) -> None:
        *lines, self._open = (self._open + text).split("\n")
        for line in lines:
            self._console.add(_last_state(line))
        if "\r" in self._open:  # a progress bar: what it showed before is gone from the screen too
            self._open = self._open.rstrip("\r").rpartition("\r")[2] + "\r" * self._open.endswith(
                "\r"
            )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _storable(line: str) -> str:
    """Without what no database keeps in a text: NUL and halves of surrogate pairs."""
    return line.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
