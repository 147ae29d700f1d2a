"""The loop that looks after the parts: restarts what dies, stops all of it in order."""

import contextlib
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from config.part import Part, Plan, describe_exit, limit_log

TICK_S = 1.0


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(text, flush=True)


class StopRequested(Exception):
    """SIGINT, SIGTERM or SIGHUP arrived."""


class Supervisor:
    """The parts of one instance and the loop that looks after them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.guard: subprocess.Popen[str] | None = None
        self.guard_descriptors: tuple[int, ...] = ()
        self.stops_requested = 0
        self._waker, waked = socket.socketpair()
        for end in (self._waker, waked):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ)
        signal.set_wakeup_fd(waked.fileno(), warn_on_full_buffer=False)
        self._waked = waked
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only wakes the loop

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self.stops_requested += 1

    def start_guard(self, *descriptors: int) -> None:
        """The process that ends the parts if this one is killed; it keeps `descriptors` open."""
        self.guard_descriptors = descriptors
        guard = Path(__file__).with_name("guard.py")
        self.guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(guard)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=descriptors,
        )
        for part in self.parts:
            if part.process is not None:
                self._tell_guard(f"+{part.process.pid} {int(part.plan.stops_last)}")

    def add(self, plan: Plan) -> Part:
        """Starts a part and keeps it running from now on."""
        part = Part(plan)
        self.parts.append(part)
        self._start(part)
        return part

    def remove(self, part: Part) -> None:
        """Ends a part for good."""
        self.parts.remove(part)
        if part.process is not None:
            pid = part.process.pid
            part.kill()
            self._tell_guard(f"-{pid}")

    def _start(self, part: Part) -> None:
        self._tell_guard(f"+{part.start()} {int(part.plan.stops_last)}")

    def _tell_guard(self, line: str) -> None:
        if self.guard is None or self.guard.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it was killed: the next look replaces it
            self.guard.stdin.write(line + "\n")
            self.guard.stdin.flush()

    def look(self, timeout_s: float = TICK_S) -> None:
        """Waits for something to happen, then restarts what died.

        Raises StopRequested.
        """
        self.pause(timeout_s)
        if self.guard is not None and self.guard.poll() is not None:
            self.start_guard(*self.guard_descriptors)
        for part in self.parts:
            pid = part.process.pid if part.process else 0
            status = part.reap()
            if status is not None:
                self._tell_guard(f"-{pid}")
                pause_s = part.due_at - time.monotonic()
                say(
                    f"The {part.plan.name} {describe_exit(status)}; starting it again in "
                    f"{pause_s:.1f} s. Its log: {part.plan.log}"
                )
            if part.is_due():
                self._start(part)
            limit_log(part.plan.log)

    def pause(self, timeout_s: float) -> None:
        """Waits without looking after the parts. Raises StopRequested."""
        self._sleep(timeout_s)
        if self.stops_requested:
            raise StopRequested

    def run_once(
        self, command: Sequence[str], environment: Mapping[str, str], *, folder: Path, log: Path
    ) -> tuple[int, str]:
        """Runs a command to its end beside the parts: its exit status and what it printed.

        Its error output goes to `log`. Raises StopRequested, after ending the command.
        """
        limit_log(log)
        with tempfile.TemporaryFile("w+") as output, log.open("ab") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )
            self._tell_guard(f"+{process.pid} 0")
            try:
                while process.poll() is None:
                    self.look()
            finally:
                process.kill()
                process.wait()
                self._tell_guard(f"-{process.pid}")
            output.seek(0)
            return process.returncode, output.read()

    def _sleep(self, timeout_s: float) -> None:
        if not self.stops_requested and self._selector.select(timeout_s):
            with contextlib.suppress(BlockingIOError):
                while self._waker.recv(4096):
                    pass

    def stop(self) -> None:
        """Ends every part: gently, in order, within their grace; a second Ctrl-C shortens it."""
        asked = self.stops_requested
        for last in (False, True):
            ending = [part for part in self.parts if part.plan.stops_last is last]
            for part in ending:
                part.ask_to_stop()
            started = time.monotonic()
            while ending and self.stops_requested == asked:
                spent = time.monotonic() - started
                ending = [p for p in ending if p.is_running() and spent < p.plan.grace_s]
                if ending:
                    self._sleep(0.05)
            for part in [part for part in self.parts if part.plan.stops_last is last]:
                self.remove(part)
        if self.guard is not None and self.guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.guard.stdin.close()
            self.guard.wait()
