"""Standard output and error, passed on as before and kept line by line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

FLUSH_S = 1.0  # a finished line is kept after so long at the latest
QUIET_S = 2.0  # an unfinished one, when nothing was added to it for so long
FLUSH_CHARACTERS = 16_384
LONGEST_LINE = 10_000
STREAMS = ("stdout", "stderr")
Keep = Callable[[list[str], list[int]], None]  # lines, and which of them are of standard error


class Console:
    """Collects whole lines of both streams; a line rewritten by "\\r" counts as its last state.

    What was printed is kept soon, whether or not more follows: a text without its newline too, as
    a line of its own, unless it is rewritten (a progress bar would be kept in all its states).
    `teed`: those of Python's own streams that are listened to, where they are not closed; text of
    others is given to `take`. `label`: before each line that is kept.
    """

    def __init__(self, keep: Keep, teed: Iterable[str] = STREAMS, label: str = "") -> None:
        self._keep = keep
        self._label = label
        self._lock = threading.RLock()  # of what is collected; nothing is kept under it
        self._keeping = threading.Lock()
        self._timer: threading.Timer | None = None
        self._lines: list[tuple[str, str]] = []  # stream and text
        self._held = 0
        self._flushed = time.monotonic()
        self._is_forked = self._is_closed = False
        self._open = {name: Lines() for name in STREAMS}
        self._tees: list[_Tee] = []
        self.listen(teed)

    def listen(self, names: Iterable[str]) -> bool:
        """To these of Python's own streams from here on; False where it is closed."""
        with self._lock:
            if not self._is_closed:
                self._tees += [_Tee(self, name) for name in names if getattr(sys, name) is not None]
            return not self._is_closed

    def take(self, stream: str, text: str) -> None:
        """Text of a stream, as it was written."""
        with self._lock:
            self._add(stream, self._open[stream].split(text))
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
                found, self._lines, self._held = self._lines, [], 0
                self._flushed = time.monotonic()
                self._arm()
            if found:
                stderr = [at for at, (stream, _) in enumerate(found) if stream == "stderr"]
                self._keep([line for _, line in found], stderr)
        finally:
            self._keeping.release()

    def flushed_by_script(self) -> None:
        """A forked child may end without a word to us: what it flushes is kept at once."""
        if self._is_forked:
            self.flush()

    def after_fork(self) -> None:
        """In a forked child: what was collected is the parent's to keep."""
        self._lock, self._keeping = threading.RLock(), threading.Lock()
        self._timer = None
        self._lines, self._held = [], 0
        self._is_forked = True
        for lines in self._open.values():
            lines.clear()

    def close(self) -> None:
        """Give the streams back, and keep the rest, unfinished lines included."""
        with self._lock:
            self._is_closed = True
            for tee in self._tees:
                tee.remove()
            for stream, lines in self._open.items():
                self._add(stream, lines.end())
            if self._timer:
                self._timer.cancel()
        self.flush(wait_s=FLUSH_S)

    def _add(self, stream: str, lines: list[str]) -> None:
        for line in lines:
            self._lines.append((stream, f"{self._label}{_storable(line)}"[:LONGEST_LINE]))
            self._held += len(line)

    def _arm(self) -> None:
        """Look again in a second, if there is anything that will have to be kept then."""
        waits = self._lines or any(lines.is_waiting for lines in self._open.values())
        if self._timer or not waits:
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
            for stream, lines in self._open.items():
                self._add(stream, lines.settle())
        self.flush()


class Lines:
    """The text of one stream as lines."""

    def __init__(self) -> None:
        self._open = ""
        self._is_rewritten = False
        self._written = 0.0

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
        return self.end() if self.is_waiting and is_quiet else []

    def end(self) -> list[str]:
        """The unfinished line, finished."""
        line = _last_state(self._open)
        self.clear()
        return [line] if line else []

    def clear(self) -> None:
        """Forgets the unfinished line."""
        self._open, self._is_rewritten = "", False


class _Tee:
    """Stands in for sys.stdout or sys.stderr; what else they can is the stream's own."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._stream: TextIO = getattr(sys, name)
        setattr(sys, name, self)

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        self._console.take(self._name, text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._stream.flush()
        self._console.flushed_by_script()

    def remove(self) -> None:
        """Gives the stream back."""
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _storable(line: str) -> str:
    """Without what no database keeps in a text: NUL and halves of surrogate pairs."""
    return line.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
