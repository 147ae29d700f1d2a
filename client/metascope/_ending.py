"""How a script ends: the status and the exit code of its run.

Python tells nobody at exit which code the process ends with. What `sys.exit` was last called with
in the main thread is noted; `raise SystemExit(3)` in a script is seen when Python, once the script
has been left, flushes standard error. Both count only where the outermost frame of the main thread
was left by an exception: a SystemExit that was caught ends nothing. No exit code is changed.
"""

from __future__ import annotations

import functools
import gc
import opcode
import sys
import threading
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import Any

LONGEST_REASON = 10_000
COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"
STATUSES = (COMPLETED, FAILED, CANCELLED)
INTERRUPTED = 130  # as shells tell a process that SIGINT has ended
UNSEEN = "It was left by SystemExit, whose code could not be seen."


@dataclass(frozen=True)
class Ending:
    """Status and reason of a run; its exit code, where it is known."""

    status: str = COMPLETED
    reason: str = ""
    exit_code: int | None = None


def asked(status: Any, reason: Any, exit_code: Any) -> tuple[Ending, str]:
    """As `finish` was told, made such that a server takes it; and what was wrong with it."""
    problems = []
    if status not in STATUSES:
        problems.append(f"the status {_text(status)[:40]!r} is none of {', '.join(STATUSES)}")
        status = FAILED
    if isinstance(reason, BaseException):
        reason = "".join(traceback.format_exception(reason))
    reason = _text(reason).replace("\0", "\N{REPLACEMENT CHARACTER}")[-LONGEST_REASON:]
    if exit_code is None:
        exit_code = 0 if status == COMPLETED else None
    elif not isinstance(exit_code, int) or not 0 <= exit_code <= 255:
        problems.append(f"the exit code {_text(exit_code)[:40]} is no number from 0 to 255")
        exit_code = None
    return Ending(status, reason, exit_code), "; ".join(problems)


def left_by(error: BaseException | None) -> Ending:
    """Of a block, a call or a process that this exception leaves. The exit code is that of a
    process which ends so: what becomes of this one after a block is not the run's any more."""
    if error is None:
        return Ending(exit_code=0)
    if isinstance(error, SystemExit):
        return _left_with(error.code)
    if isinstance(error, KeyboardInterrupt):
        return Ending(CANCELLED, "Interrupted from the keyboard.", INTERRUPTED)
    return Ending(FAILED, "".join(traceback.format_exception(error))[-LONGEST_REASON:], 1)


def _left_with(code: Any) -> Ending:
    """As Python makes an exit code of SystemExit's."""
    if code is None:
        return Ending(exit_code=0)
    number = code & 0xFF if isinstance(code, int) else 1
    if number == 0:
        return Ending(exit_code=0)
    said = "." if isinstance(code, int) else f": {_text(code)}"
    return Ending(FAILED, f"Exit code {number}{said}"[:LONGEST_REASON], number)


def _text(code: Any) -> str:
    try:
        return str(code)
    except Exception:  # it is the script's own, and this is no time to raise
        return type(code).__name__


class Exit:
    """Watches how the process ends. One a process, begun in its main thread or any other."""

    def __init__(self) -> None:
        self._outermost = _outermost_frame()
        self._codes: list[Any] = []  # the last one, if any
        self._note_calls()
        self._look_when_left()

    def ending(self) -> Ending:
        """Once the main thread has left its code: what became of it. At a prompt an error ends
        nothing, and nobody sees with which code it is left."""
        if hasattr(sys, "ps1"):
            return Ending()
        if (error := getattr(sys, "last_value", None)) is not None:
            return left_by(error)
        if self._is_left_by_exception():
            return _left_with(self._codes[-1]) if self._codes else Ending(reason=UNSEEN)
        return Ending(exit_code=0)

    def _note_calls(self) -> None:
        original = sys.exit

        @functools.wraps(original)
        def noted(*args: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                self._codes[:] = args[:1] or [None]
            return original(*args)

        sys.exit = noted

    def _look_when_left(self) -> None:
        """Python calls the `flush` of standard error between a script's end and everything else,
        with no frame above: a SystemExit that ends the process still exists then."""
        stream = sys.stderr
        original = getattr(stream, "flush", None)
        if original is None:
            return

        def flush() -> Any:
            if _is_called_by_nobody() and self._is_left_by_exception():
                self._codes[:] = [
                    one.code for one in _exits() if self._has_left(one)
                ] or self._codes
            return original()

        try:
            stream.flush = flush  # type: ignore[method-assign]
        except AttributeError:  # not one of Python's own
            return

    def _is_left_by_exception(self) -> bool:
        """The last instruction of a frame that was left otherwise is a return."""
        frame = self._outermost
        if frame is None or frame is _outermost_frame():  # it runs yet
            return False
        return not opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN_")

    def _has_left(self, error: SystemExit) -> bool:
        trace = error.__traceback__  # none: nothing on its way has looked at it
        return trace is None or trace.tb_frame is self._outermost


def _outermost_frame() -> FrameType | None:
    """Of the main thread."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_called_by_nobody() -> bool:
    """Whether the caller was called by the interpreter itself, after all code was left."""
    try:
        sys._getframe(2)
    except ValueError:
        return True
    return False


def _exits() -> list[SystemExit]:
    return [one for one in gc.get_objects() if issubclass(type(one), SystemExit)]


_watched: list[Exit] = []


def watch_exit() -> Exit:
    """The one of this process."""
    if not _watched:
        _watched.append(Exit())
    return _watched[0]
