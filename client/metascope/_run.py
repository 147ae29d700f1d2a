"""A run: what a script says about one experiment."""

from __future__ import annotations

import atexit
import errno
import math
import os
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from multiprocessing.util import Finalize
from pathlib import Path
from types import TracebackType
from typing import Any

from metascope import _active, _values
from metascope._adopt import GRACE_S
from metascope._api import segment
from metascope._channel import Channel, say
from metascope._ending import COMPLETED, FAILED, Ending, asked, left_by, watch_exit
from metascope._evidence import Evidence
from metascope._observed import Observed
from metascope._params import fitting
from metascope._records import LATEST_TIME, POINTS, event_payload, keys_payload, points_struct
from metascope._rounding import Rounding
from metascope._segments import file_bytes
from metascope._sender import Sender
from metascope._settings import Settings
from metascope._spool import EXTRA_BYTES, FULL, SegmentFull, SpoolFull
from metascope._sweep import hold, sweep

KEYS_PER_RECORD = 500  # more keys of one `log` go into several records
LEAST_STEP, MOST_STEP = -(2**63), 2**63 - 1


def _now() -> float:
    """Seconds since 1970. A clock that shows a time which no server keeps is not believed: NaN, for
    which the server takes the time at which the point arrives.
    """
    now = time.time()
    return now if 0 <= now <= LATEST_TIME else math.nan


class Run(Evidence, Observed):
    """One experiment being recorded. Made by `metascope.start`; usable from any thread.

    `log` and its siblings never raise and never wait for the server: what they were given is in
    the spool when they return. What could not be kept is counted in `lost` and said once on
    standard error. A forked child goes on logging to the same run, through a spool of its own.
    """

    def __init__(
        self, channel: Channel, exit_wait_s: float = 60.0, project: str = "", *, rank: int = 0,
        named: Mapping[str, str] | None = None, run_id: str = "",
    ) -> None:  # fmt: skip
        self.lost = 0  # values and events that could not be kept
        self._without_room = 0  # of these, such as the disk was too full for
        self._channel: Channel | None = channel
        self._branch = channel.branch
        self._exit_wait_s = exit_wait_s
        self._project = project
        self._id = run_id  # as the client has made it: the server may decide for another
        self._server = channel.settings.url.rstrip("/")
        self._named = dict(named or {})  # how a child run names this one before its id is known
        self._started_in = channel.spool.folder
        self._rank = rank  # the run ends with the process of rank 0
        self._write = channel.spool.write
        self._lock = threading.RLock()  # a signal handler may log in the middle of a log
        self._known: dict[tuple[Any, ...], tuple[Any, int]] = {}  # keys to their packer and id
        self._fast: dict[tuple[Any, ...], tuple[Any, int]] = {}  # those that need no second look
        self._key_ids = 0
        self._step = 0
        self._files, self._logged = 0, {}
        self._complaints: set[str] = set()
        self._rounding = Rounding()
        self._ended = False
        self._drained = False
        self._last_sender: Sender | None = None  # of a run that has ended: it knows the id
        self._console = None
        self._machine = None
        self._watches = []
        _living.add(self)
        watch_exit()
        atexit.register(self._at_exit)

    @property
    def id(self) -> str | None:
        """The run's id, from the start on, with the server up or not. None for a run that
        processes share (`shared`) until the server has told which it is: see `wait`."""
        return self._made_id or self._id or None

    @property
    def url(self) -> str | None:
        """The run's page, there once the server has heard of the run; None as long as `id` is."""
        return f"{self._server}/runs/{segment(self.id)}/" if self.id else None

    def wait(self, wait_s: float = 60.0) -> bool:
        """Until the server has made the run, for so long at most; True when it has."""
        until = time.monotonic() + wait_s
        while self._made_id is None and self._sender and time.monotonic() < until:
            self._sender.wake()
            time.sleep(0.02)
        return self._made_id is not None

    @property
    def _made_id(self) -> str | None:
        """As the server has given it."""
        sender = self._sender
        return sender.run_id if sender else None

    @property
    def project(self) -> str:
        """The project it was started in, as it was named there."""
        return self._project

    def as_parent(self) -> dict[str, str]:
        """What a child run's start says of this one; where its spool lies is for the delivery."""
        if self._made_id is not None:
            return {"parent": self._made_id}
        return {**self._named, "parent_spool": str(self._started_in)}

    @property
    def _sender(self) -> Sender | None:
        return self._channel.sender if self._channel else self._last_sender

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        """Record the values of metrics at a step (int64); without one, at the next.

        Values are numbers, or arrays and tensors of one element; nested keys are joined by "/". A
        step that is no whole number is not rounded: its values count as `lost`, and that is said.
        In the kernel's hands when this returns: it survives the end of the process.
        """
        now = _now()
        try:
            with self._lock:
                at = self._step if step is None else step
                pack, number = self._fast[tuple(data)]
                self._write(pack(POINTS, number, at, now, *data.values()))
                self._step = at + 1
        except Exception:  # whatever is unusual takes the long way, which says what is wrong
            self._log_slowly(data, step, now)

    def count_from(self, step: int) -> None:
        """The step of the next `log` that names none."""
        with self._lock:
            self._step = step

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add params. A param keeps its first value: another one is refused, which is said, and
        the others are added."""
        try:
            found = fitting(
                _values.plain_items(params, lambda why: self._lose(1, f"param {why}")),
                lambda why: self._lose(1, why),
            )
        except Exception as error:  # logging must never end a training
            self._lose(1, "params", error)
        else:
            self._event("params", found)

    def set_summary(self, summary: Mapping[str, Any]) -> None:
        """Set results of the whole run; later values of a key replace earlier ones."""
        try:
            found = fitting(
                _values.plain_items(summary, lambda why: self._lose(1, f"summary {why}")),
                lambda why: self._lose(1, why), "summary",
            )  # fmt: skip
        except Exception as error:  # logging must never end a training
            self._lose(1, "summary", error)
        else:
            self._event("summary", found)

    def set_tags(self, *tags: str) -> None:
        """Replace the run's tags."""
        self.edit({"tags": tags})

    def set_notes(self, notes: str) -> None:
        """Replace the run's notes."""
        self.edit({"notes": notes})

    def edit(self, changes: Mapping[str, Any]) -> None:
        """Replace what describes the run: `name`, `tags`, `notes`, `group`."""
        found: dict[str, Any] = {}
        for name, value in changes.items():
            try:
                found[name] = self._texts(value) if name == "tags" else str(value)
            except Exception as error:  # logging must never end a training
                self._lose(1, name, error)
        if found:
            self._event("edit", found)

    def _texts(self, values: Iterable[Any]) -> list[str]:
        """Without those that have none, each of which is told."""
        found = []
        for value in values:
            try:
                found.append(str(value))
            except Exception as error:  # logging must never end a training
                self._lose(1, "tag", error)
        return found

    def record_code(self, snapshot: Mapping[str, Any]) -> None:
        """The code the script executes: `files` by path, and what git knows. Once per run."""
        self._event("snapshot", snapshot)

    def finish(
        self, status: str = "completed", reason: str | BaseException = "", *,
        exit_code: int | None = None, wait_s: float | None = None,
    ) -> bool:  # fmt: skip
        """End the run and wait at most `wait_s` seconds until the server has all of it (None: as
        METASCOPE_EXIT_WAIT_S says, 60 by default). `exit_code`: 0 to 255; of a run that completed
        0 when left out, of others none. `reason` may be an exception. What no server takes of
        these is made fit, which is said: the run ends.

        True when it has. Otherwise the rest stays in the spool, and `metascope sync` sends it.
        """
        how, problem = asked(status, reason, exit_code)
        if problem and not self._ended:
            say(problem)
        return self._end(how, wait_s)

    def _end(self, how: Ending, wait_s: float | None = None) -> bool:
        if self._ended:
            return self._drained
        _active.end(self)
        for watch in self._watches:
            watch.close()
        if self._machine:
            self._machine.stop()
        if self._console:
            self._console.close()
        if self._channel:
            self._channel.spool.lift_limits()
        if self._without_room:
            text = f"{self._without_room} values and events: there was no room for them."
            self.alert("Not all of this run could be kept", text)
        if not self._rank:
            code = {} if how.exit_code is None else {"exit_code": how.exit_code}
            self._event("finish", {"status": how.status, "reason": how.reason, **code})
        elif how.status != COMPLETED:  # which the run's status may never tell
            error = how.reason.strip().rpartition("\n")[2]
            title = f"Rank {self._rank} {how.status}" + f": {error}" * bool(error)
            self.alert(title, how.reason, "error" if how.status == FAILED else "warning")
        with self._lock:
            self._ended = True
            self._fast.clear()
            channel, self._channel = self._channel, None
            self._last_sender = channel.sender if channel else None
        atexit.unregister(self._at_exit)
        _living.discard(self)
        if channel:
            wait_s = self._exit_wait_s if wait_s is None else wait_s
            until = time.monotonic() + wait_s
            self._drained = channel.close(wait_s)
            self.lost += channel.spool.lost
            if self._console:
                self._console.wait(max(0.0, until - time.monotonic()))
            if self._drained:
                sweep(channel.settings)
        if self.lost:
            say(f"{self.lost} values of this run could not be kept")
        return self._drained

    def _log_beside(self, row: dict[str, float], step: int) -> None:
        """A row of our own: the script's next step stays what it was."""
        with self._lock:
            at = self._step
            self._log_slowly(row, step, _now())
            self._step = at

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._end(left_by(error))

    def _log_slowly(self, data: Any, step: Any, now: float) -> None:
        """A new set of keys, nested ones, unusual values; everything that cannot be kept."""
        try:
            found = dict(_values.flat(data))
            numbers = self._numbers(found)
            with self._lock:
                at = self._step if step is None else _values.whole(step)
                if not LEAST_STEP <= at <= MOST_STEP:
                    self._lose(len(found), f"step {at} does not fit 64 bits")
                    return
                keys = list(numbers)
                for start in range(0, len(keys), KEYS_PER_RECORD):
                    some = keys[start : start + KEYS_PER_RECORD]
                    self._write_points(tuple(some), at, now, [numbers[key] for key in some])
                self._step = at + 1
                known = self._known.get(tuple(keys))
                if known and not any(map(_values.needs_detaching, found.values())):
                    pack, number = known
                    self._fast[tuple(keys)] = self._rounding.watched(pack, found), number
        except Exception as error:  # logging must never end a training
            self._lose(_count(data), error=error)

    def _numbers(self, found: Mapping[str, Any]) -> dict[str, float]:
        numbers = {}
        for key, value in found.items():
            problem = _values.problem_of(key)
            try:
                if problem:
                    raise ValueError(problem)
                numbers[key] = _values.scalar(value)
                self._rounding.tell(key, value)
            except Exception as error:
                self._lose(1, f"metric {key[:80]!r}: {error}")
        return numbers

    def _write_points(
        self, keys: tuple[str, ...], step: int, now: float, values: list[float]
    ) -> None:
        if keys not in self._known:
            self._key_ids += 1
            self._append(keys_payload(self._key_ids, keys))
            self._known[keys] = points_struct(len(keys)).pack, self._key_ids
        pack, number = self._known[keys]
        try:
            self._write(pack(POINTS, number, step, now, *values))
        except SegmentFull:
            self._rotate()
            self._write_points(keys, step, now, values)

    def _append(self, payload: bytes) -> None:
        """A record that needs no keys."""
        self._open()
        while True:
            try:
                self._write(payload)
                return
            except SegmentFull:
                self._rotate()

    def _new_file(self, kind: str, size: int = 0) -> Path:
        with self._lock:
            self._open()
            assert self._channel
            folder = self._channel.spool.folder
            if self._channel.problem and file_bytes(folder) + size > EXTRA_BYTES:
                raise OSError(errno.ENOSPC, "There is no more room in memory for files")
            self._files += 1
            return folder / f"{kind}-{os.getpid()}-{self._files}"

    def _stands_in(self) -> bool:
        with self._lock:
            self._open()
            return bool(self._channel and self._channel.problem)

    def _settings_of(self) -> Settings:
        with self._lock:
            self._open()
            assert self._channel
            return self._channel.settings

    def _upload_of(self, bundle: str) -> str | None:
        return self._sender.upload_of(bundle) if self._sender else None

    def _version_of(self, bundle: str) -> tuple[bool, int | None]:
        return self._sender.version_of(bundle) if self._sender else (True, None)

    def _open(self) -> None:
        """Give a forked child that logs for the first time its spool. Raises ValueError."""
        if self._ended:
            raise ValueError("the run has ended")
        if self._channel is None:
            self._channel = self._branch()
            self._write = self._channel.spool.write
            atexit.register(self._leave)
            Finalize(self, self._leave, exitpriority=0)

    def _rotate(self) -> None:
        assert self._channel
        self._known.clear()
        self._fast.clear()
        self._channel.spool.rotate()

    def _event(self, kind: str, content: Any) -> None:
        try:
            payload = event_payload({"type": kind, "time": time.time(), "content": content})
            with self._lock:
                self._append(payload)
        except Exception as error:  # logging must never end a training
            self._lose(1, kind, error)
        if sender := self._sender:
            sender.wake()

    def _lose(self, count: int, what: str = "", error: Exception | None = None) -> None:
        self.lost += count
        if isinstance(error, SpoolFull) or getattr(error, "errno", None) in FULL:
            self._without_room += count
        told = f"{type(error).__name__}: {_values.shown(error)}" if error else ""
        why = ": ".join(filter(None, (what, told)))
        if why not in self._complaints and len(self._complaints) < 20:
            self._complaints.add(why)
            say(f"not recorded: {why}")

    def _at_exit(self) -> None:
        """A script that ends without `finish`."""
        self._end(watch_exit().ending())

    def _leave(self) -> None:
        """At the end of a forked child, which is not the run's: what is left of it is sent."""
        with self._lock:
            channel, self._channel = self._channel, None
            self._ended = True
            self._fast.clear()
        if channel:
            channel.close(min(self._exit_wait_s, GRACE_S))

    def _after_fork(self) -> None:
        """In the child: the spool, its lock and the sending thread are the parent's."""
        self._lock = threading.RLock()
        self._known, self._fast, self._logged = {}, {}, {}
        hold(self._channel.spool.folder if self._channel else self._started_in)
        if self._channel:
            self._channel.spool.abandon()
            self._channel = None
        if self._console:
            self._console.after_fork()
        self._machine = None  # its thread is the parent's
        atexit.unregister(self._at_exit)  # the child's end is not the run's
        atexit.unregister(self._leave)  # nor the grandchild's the child's


_living: weakref.WeakSet[Run] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for run in list(_living):
        run._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)


def _count(data: Any) -> int:
    return len(data) if isinstance(data, Mapping) else 1
