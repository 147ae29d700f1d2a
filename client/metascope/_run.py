"""A run: what a script says about one experiment."""

from __future__ import annotations

import atexit
import math
import os
import threading
import time
import weakref
from collections.abc import Mapping
from multiprocessing.util import Finalize
from pathlib import Path
from types import TracebackType
from typing import Any

from metascope import _active, _values
from metascope._adopt import GRACE_S
from metascope._api import segment
from metascope._channel import Channel, say
from metascope._ending import Ending, ending, watch_exit
from metascope._evidence import Evidence
from metascope._machine import EVERY_S, Machine
from metascope._output import OFF, Output
from metascope._records import LATEST_TIME, POINTS, event_payload, keys_payload, points_struct
from metascope._sender import Sender
from metascope._settings import Settings
from metascope._spool import SegmentFull
from metascope._watch import Watch

KEYS_PER_RECORD = 500  # more keys of one `log` go into several records
LEAST_STEP, MOST_STEP = -(2**63), 2**63 - 1


def _now() -> float:
    """Seconds since 1970. A clock that shows a time which no server keeps is not believed: NaN, for
    which the server takes the time at which the point arrives.
    """
    now = time.time()
    return now if 0 <= now <= LATEST_TIME else math.nan


class Run(Evidence):
    """One experiment being recorded. Made by `metascope.start`; usable from any thread.

    `log` and its siblings never raise and never wait for the server: what they were given is in
    the spool when they return. What could not be kept is counted in `lost` and said once on
    standard error. A forked child goes on logging to the same run, through a spool of its own.
    """

    def __init__(
        self, channel: Channel, exit_wait_s: float = 60.0, project: str = "", *, ends: bool = True,
        named: Mapping[str, str] | None = None, run_id: str = "",
    ) -> None:  # fmt: skip
        self.lost = 0  # values and events that could not be kept
        self._channel: Channel | None = channel
        self._branch = channel.branch
        self._exit_wait_s = exit_wait_s
        self._project = project
        self._id = run_id  # as the client has made it: the server may decide for another
        self._server = channel.settings.url.rstrip("/")
        self._named = dict(named or {})  # how a child run names this one before its id is known
        self._started_in = channel.spool.folder
        self._ends = ends  # the run ends with this process
        self._write = channel.spool.write
        self._lock = threading.RLock()  # a signal handler may log in the middle of a log
        self._known: dict[tuple[Any, ...], tuple[Any, int]] = {}  # keys to their packer and id
        self._fast: dict[tuple[Any, ...], tuple[Any, int]] = {}  # those that need no second look
        self._key_ids = 0
        self._step = 0
        self._files = 0
        self._complaints: set[str] = set()
        self._ended = False
        self._drained = False
        self._last_sender: Sender | None = None  # of a run that has ended: it knows the id
        self._console: Output | None = None
        self._machine: Machine | None = None
        self._watches: list[Watch] = []
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

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add params. A param keeps its first value: another one is refused, which is said, and
        the others are added."""
        self._event("params", _values.plain(params))

    def set_summary(self, summary: Mapping[str, Any]) -> None:
        """Set results of the whole run; later values of a key replace earlier ones."""
        self._event("summary", _values.plain(summary))

    def set_tags(self, *tags: str) -> None:
        """Replace the run's tags."""
        self._event("edit", {"tags": [str(tag) for tag in tags]})

    def set_notes(self, notes: str) -> None:
        """Replace the run's notes."""
        self._event("edit", {"notes": str(notes)})

    def record_code(self, snapshot: Mapping[str, Any]) -> None:
        """The code the script executes: `files` by path, and what git knows. Once per run."""
        self._event("snapshot", snapshot)

    def finish(
        self, status: str = "completed", reason: str = "", *, exit_code: int | None = None,
        wait_s: float | None = None,
    ) -> bool:  # fmt: skip
        """End the run and wait at most `wait_s` seconds until the server has all of it (None: as
        METASCOPE_EXIT_WAIT_S says, 60 by default). `exit_code`: of its process, 0 to 255, where it
        is known.

        True when it has. Otherwise the rest stays in the spool, and `metascope sync` sends it.
        """
        if self._ended:
            return self._drained
        _active.end(self)
        for watch in self._watches:
            watch.close()
        if self._machine:
            self._machine.stop()
        if self._console:
            self._console.close()
        if self._ends:
            code = {} if exit_code is None else {"exit_code": exit_code}
            self._event("finish", {"status": status, "reason": reason, **code})
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
            self.lost += channel.spool.held
            if self._console:
                self._console.wait(max(0.0, until - time.monotonic()))
        if self.lost:
            say(f"{self.lost} values of this run could not be kept")
        return self._drained

    def capture_console(self) -> None:
        """Keep what the script prints from here on, line by line; where its output leads to no
        terminal, that of its child processes and of libraries in C, too (METASCOPE_CONSOLE=python:
        without them)."""
        if self._console is None and (how := self._settings_of().console) != OFF:
            self._console = Output(self._keep_lines, self._started_in, how)

    def _keep_lines(self, lines: list[str], stderr: list[int]) -> None:
        marks = {"stderr": stderr} if stderr else {}
        self._event("console", {"lines": lines, **marks})

    def watch_machine(self, every_s: float = EVERY_S, *, since_s: float = 0.0) -> None:
        """Record processor, memory, disk, network and GPUs from here on, below "system/"; steps are
        seconds, the first of them `since_s`."""
        if self._machine is None:
            self._machine = Machine(self._log_beside, every_s, since_s)

    def watch(
        self, module: Any, every: int = 100, *, histograms: bool = False, activations: bool = False
    ) -> None:
        """Keep a model's layers and shapes. Of a PyTorch module, record norms of gradients and
        weights every `every` backward passes; with `activations`, norms of what its innermost
        modules put out, and their share of zeros below "zeros/"; with `histograms`, how all of
        these are distributed, too."""
        try:
            if every < 1:
                raise ValueError(f"every is {every}: use 1 or more")
            if self._describe(module) and not hasattr(module, "named_parameters"):
                return
            show = self._show_histogram if histograms else None
            self._watches.append(
                Watch(
                    module,
                    self._log_beside,
                    lambda: self._step,
                    every=every,
                    show=show,
                    activations=activations,
                )
            )
        except Exception as error:  # logging must never end a training
            self._lose(1, f"watch: {type(error).__name__}: {error}")

    def _show_histogram(self, key: str, values: Any, step: int) -> None:
        self.log_histogram(key, values, step=step)

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
        self._finish_as(ending(error))

    def _finish_as(self, found: Ending) -> None:
        self.finish(found.status, found.reason, exit_code=found.exit_code)

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
                    self._fast[tuple(keys)] = known
        except Exception as error:  # logging must never end a training
            self._lose(_count(data), f"{type(error).__name__}: {error}")

    def _numbers(self, found: Mapping[str, Any]) -> dict[str, float]:
        numbers = {}
        for key, value in found.items():
            problem = _values.problem_of(key)
            try:
                if problem:
                    raise ValueError(problem)
                numbers[key] = _values.scalar(value)
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
        try:
            self._write(payload)
        except SegmentFull:
            self._rotate()
            self._write(payload)

    def _new_file(self, kind: str) -> Path:
        with self._lock:
            self._open()
            assert self._channel
            self._files += 1
            return self._channel.spool.folder / f"{kind}-{os.getpid()}-{self._files}"

    def _settings_of(self) -> Settings:
        with self._lock:
            self._open()
            assert self._channel
            return self._channel.settings

    def _version_of(self, bundle: str) -> tuple[bool, int | None]:
        sender = self._sender
        return sender.version_of(bundle) if sender else (True, None)

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
            self._lose(1, f"{kind}: {type(error).__name__}: {error}")
        if sender := self._sender:
            sender.wake()

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        if why not in self._complaints and len(self._complaints) < 20:
            self._complaints.add(why)
            say(f"not recorded: {why}")

    def _at_exit(self) -> None:
        """A script that ends without `finish`."""
        self._finish_as(watch_exit().ending())

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
        self._known = {}
        self._fast = {}
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
