"""Drives `./run` as a person does: as a process, by its output, its pages and its signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.processes import children_with, is_gone

Found = TypeVar("Found")
ROOT = Path(__file__).resolve().parent.parent.parent
VENV = Path(sys.prefix)
START_LIMIT_S = 180.0  # generous: the machine may be doing much else
STOP_LIMIT_S = 40.0


def wait_until(look: Callable[[], Found], *, limit_s: float, what: str) -> Found:
    """What `look` returns once that is true; fails after the limit, naming what did not happen."""
    until = time.monotonic() + limit_s
    while True:
        if found := look():
            return found
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.05)


@dataclass
class Product:
    """A started `./run`."""

    data_dir: Path
    process: subprocess.Popen[str]
    output_path: Path
    root: Path = ROOT
    variables: dict[str, str] = field(default_factory=dict)  # it was started with
    started_at: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self.output_path.read_text()

    @property
    def sign_in_link(self) -> str:
        """The whole address of the one-time link that was printed."""
        return self._printed(r"^Open (http://\S+)$")

    @property
    def url(self) -> str:
        """http://host:port without a slash at the end."""
        return self._printed(r"^Open (http://[^/\s]+)")

    def _printed(self, pattern: str) -> str:
        found = re.search(pattern, self.output, re.MULTILINE)
        assert found, f"nothing like {pattern} in:\n{self.output}"
        return found[1]

    def wait_until_ready(self) -> float:
        """Seconds from the start to the printed link."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"./run ended:\n{self.output}\n{self.logs()}"
            return "Ctrl-C stops it." in self.output

        wait_until(is_ready, limit_s=START_LIMIT_S, what=f"ready\n{self.output}")
        return time.monotonic() - self.started_at

    def health(self) -> tuple[int, dict[str, str]]:
        """The status and the checks of /healthz."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return answer.status, json.load(answer)["checks"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["checks"]
        except OSError as error:
            return 0, {"web": str(error)}

    def is_healthy(self) -> bool:
        return self.health()[0] == 200

    def logs(self) -> str:
        """The end of every log, for failure messages."""
        files = sorted((self.data_dir / "logs").glob("*.log"))
        return "\n".join(f"== {file.name}\n{file.read_text()[-2000:]}" for file in files)

    def processes(self) -> list[psutil.Process]:
        """./run and everything it started, in whatever session."""
        return psutil.Process(self.pid).children(recursive=True) + [psutil.Process(self.pid)]

    def part(self, word: str) -> psutil.Process:
        """The part with this word in its command: valkey-server, gunicorn, worker or beat."""
        found = next(children_with(word, self.pid), None)
        assert found is not None, f"no {word} among the parts\n{self.output}"
        return found

    def has_part(self, word: str) -> bool:
        """Whether that part is running."""
        return any(children_with(word, self.pid))

    def manage(self, *arguments: str) -> str:
        """Runs a management command beside the instance and returns what it printed."""
        done = subprocess.run(
            [sys.executable, str(self.root / "manage.py"), *arguments],
            env=environment(**{**self.variables, "METASCOPE_DATA": str(self.data_dir)}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self) -> str:
        """A new API token of the first user."""
        return self.manage("create_token", "admin").splitlines()[-1]

    def ask(self, token: str, path: str, body: object = None) -> dict[str, Any]:
        """The answer of the API below /api/v1/; a body is posted."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stops it, asserts that nothing it started is left, and returns the exit status."""
        started = self.processes() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(STOP_LIMIT_S)
        finally:
            left = [process for process in started if not is_gone(process)]
            for process in left:
                process.kill()
        assert not left, f"left behind: {left}\n{self.output}"
        return status


def environment(**more: str) -> dict[str, str]:
    """The caller's environment without Metascope's variables, sharing the installed packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METASCOPE_")}
    return {**kept, "METASCOPE_VENV": str(VENV), **more}


def start(
    data_dir: Path, *options: str, root: Path = ROOT, variables: dict[str, str] | None = None
) -> Product:
    """Starts `./run` on a free port. It is not waited for."""
    output_path = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.out")
    with output_path.open("w") as output:
        process = subprocess.Popen(
            [str(root / "run"), "--data", str(data_dir), *_with_port(options)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(**(variables or {})),
            cwd=data_dir.parent,
            text=True,
        )
    return Product(
        data_dir=data_dir,
        process=process,
        output_path=output_path,
        root=root,
        variables=variables or {},
    )


def _with_port(options: Sequence[str]) -> list[str]:
    return list(options) if "--port" in options else ["--port", "0", *options]


def refused(data_dir: Path, *options: str, **settings: object) -> str:
    """The one line of a start that must fail with exit status 1 and no traceback."""
    product = start(data_dir, *options, **settings)  # type: ignore[arg-type]
    status = product.process.wait(START_LIMIT_S)
    lines = product.output.strip().splitlines()
    assert status == 1, product.output
    assert len(lines) == 1, product.output
    assert lines[0].startswith("metascope: ")
    return lines[0]
