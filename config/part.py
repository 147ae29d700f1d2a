"""One supervised process: started in a session of its own, restarted with back-off."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
SETTLED_S = 60.0  # a part that lived this long starts over with the shortest pause
LOG_LIMIT_BYTES = 10 * 2**20


@dataclass(frozen=True)
class Plan:
    """What a part is and how it is stopped."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path  # working folder
    log: Path
    grace_s: float = 5.0
    stops_last: bool = False
    stdin: bytes = b""
    descriptors: tuple[int, ...] = ()  # inherited
    log_line: Callable[[str], str] | None = None  # what the log says for a line of its output


class Part:
    """A plan and its current process, if any."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.process: subprocess.Popen[bytes] | None = None
        self.due_at = 0.0  # monotonic time of the next start
        self._pause_s = FIRST_PAUSE_S
        self._started_at = 0.0

    def start(self) -> int:
        """Starts the process and returns its id, which is also its process group's."""
        limit_log(self.plan.log)
        with self.plan.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.plan.command,
                stdin=subprocess.PIPE if self.plan.stdin else subprocess.DEVNULL,
                stdout=log if self.plan.log_line is None else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.plan.folder,
                env=dict(self.plan.environment),
                pass_fds=self.plan.descriptors,
                start_new_session=True,
            )
        if self.plan.log_line is not None and self.process.stdout is not None:
            threading.Thread(
                target=_write_lines,
                args=(self.process.stdout, self.plan.log, self.plan.log_line),
                name=f"log of the {self.plan.name}",
                daemon=True,
            ).start()
        if self.plan.stdin:
            self._feed(self.process)
        self._started_at = time.monotonic()
        return self.process.pid

    def _feed(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(self.plan.stdin)
            process.stdin.close()
        except BrokenPipeError:
            return  # it died already: the exit is noticed, reported and answered like any other

    def reap(self) -> int | None:
        """The exit status if the process has just ended; sets when it is due again."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is None:
            return None
        now = time.monotonic()
        if now - self._started_at > SETTLED_S:
            self._pause_s = FIRST_PAUSE_S
        self.due_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        _kill_group(self.process.pid)
        self.process = None
        return status

    def is_due(self) -> bool:
        return self.process is None and time.monotonic() >= self.due_at

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """SIGTERM to the process itself, which ends its own children in order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to everything it started, whatever session that is in."""
        if self.process is None:
            return
        for process in _family(self.process.pid):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()


def _write_lines(output: IO[bytes], path: Path, log_line: Callable[[str], str]) -> None:
    """Logs what a process prints until its end. A log that cannot be written must not stop it."""
    with output:
        for line in output:
            said = line.decode(errors="replace").strip()
            if not said:
                continue
            with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as log:
                log.write(log_line(said) + "\n")


def _kill_group(group: int) -> None:
    """Ends what a process that died left behind in its group, so that its successor is alone."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def describe_exit(status: int) -> str:
    """`exited with 1`, `was killed by SIGKILL`."""
    if status >= 0:
        return f"exited with {status}"
    return f"was killed by {signal.Signals(-status).name}"


def limit_log(path: Path) -> None:
    """Moves a log that has grown too long to `<name>.1`, under its writer's feet if need be.

    Logs are opened for appending, so a writer goes on at the start of the emptied file.
    """
    if not path.exists() or path.stat().st_size < LOG_LIMIT_BYTES:
        return
    kept = path.with_suffix(path.suffix + ".1")
    kept.write_bytes(path.read_bytes())
    os.truncate(path, 0)
