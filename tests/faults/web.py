"""A real web server on a data folder, as `./run` starts it: started, killed and lossy at will."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.conf import settings
from metascope._api import Api

from tests import database
from tests.faults.stack import free_port, wait_until

# Stands between gunicorn and the application: notes every request that was answered, and dies after
# a commit and before its answer, where LOSSY says which batches of points do.
LOSSY = """
import itertools, os, signal
from config.wsgi import application as real
counter, every = itertools.count(1), int(os.environ.get("LOSSY", "0"))
notes = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def application(environ, start_response):
    answer = real(environ, start_response)
    os.write(notes, f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}\\n".encode())
    if every and environ["PATH_INFO"].endswith("/metrics/") and next(counter) % every == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
"""


class Web:
    """`data` holds metascope.sqlite3, unless the tests run on a database that is no file."""

    def __init__(self, data: Path, token: str) -> None:
        self.data = data
        self.token = token
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process: subprocess.Popen[bytes] | None = None
        self.notes = data.parent / "notes"
        (data / "lossy.py").write_text(LOSSY)

    def start(self, **variables: str) -> None:
        """Until it answers."""
        paths = (str(settings.BASE_DIR), str(settings.BASE_DIR / "client"), str(self.data))
        with (self.data.parent / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "python:config.web",
                 "--bind", self.url.removeprefix("http://"), "lossy:application"],
                cwd=settings.BASE_DIR, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **database.variables(), **variables, "NOTES": str(self.notes),
                     "METASCOPE_DATA": str(self.data), "PYTHONPATH": os.pathsep.join(paths)},
            )  # fmt: skip
        wait_until(self._answers, "the web server answers", 60)

    def kill(self) -> None:
        """SIGKILL, to all its processes at once."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def answered(self, method: str) -> list[str]:
        """Paths of the requests that were answered."""
        lines = map(str.split, self.notes.read_text().splitlines())
        return [path for found, path in lines if found == method]

    @property
    def api(self) -> Api:
        return Api(self.url, self.token)

    def points(self, run: str, key: str) -> list[tuple[int, Any]]:
        """All of a series, over REST."""
        found: list[tuple[int, Any]] = []
        query = {"key": key, "limit": "10000"}
        while True:
            page = self.api.get(f"runs/{run}/metrics/points/", **query)
            found += [(point["step"], point["value"]) for point in page["results"]]
            if not page["next"]:
                return found
            query["after"] = str(page["next"])

    def _answers(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/api/v1/users/me/", retries=False).status > 0
        except urllib3.exceptions.HTTPError:
            return False


class Script:
    """A process of a user that logs to this server."""

    def __init__(self, folder: Path, web: Web, text: str, *command: str, **variables: str) -> None:
        folder.mkdir()
        (folder / "train.py").write_text(text)
        self.environment = {
            **os.environ, "METASCOPE_URL": web.url, "METASCOPE_TOKEN": web.token,
            "METASCOPE_SPOOL": str(folder / "spool"), **variables,
        }  # fmt: skip
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, *command, "train.py"], cwd=folder, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip

    def wait_for(self, line: str) -> None:
        """Until it has printed that."""
        assert self.process.stdout
        for found in self.process.stdout:
            if found.strip() == line:
                return
        raise AssertionError(f"it never said {line!r}: {self.end()}")

    def say(self, line: str) -> None:
        """To its standard input."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def end(self, said: str = "") -> dict[str, Any]:
        """Tells it to go on; what its last line says, its exit code and its standard error."""
        try:
            output, errors = self.process.communicate(said, timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            output, errors = self.process.communicate()
        lines = [line for line in output.splitlines() if line.startswith("{")]
        last = json.loads(lines[-1]) if lines else {}
        return {**last, "exit_code": self.process.returncode, "errors": errors}

    def sync(self) -> str:
        """`metascope sync` in its place; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "metascope", "sync"], env=self.environment, cwd=self.folder,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def small_disk(folder: Path, size: str) -> Path:
    """A file system of that size; skips the test where this user may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    return folder


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """To the last byte of its disk."""
    for block in (64 * 1024, 1):
        with path.open("ab", buffering=0) as file:
            try:
                while file.write(b"x" * block) == block:
                    pass
            except OSError:
                continue
