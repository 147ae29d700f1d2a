"""The real, unmodified client of MLflow against a server as it runs in production.

The server is a process of its own with a data folder of its own, so nothing is undone between
tests: each makes experiments of its own.
"""

import itertools
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from mlflow.tracking import MlflowClient

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running server, and a token of a member of its only workspace."""

    url: str
    token: str
    admin: str  # the token of an admin

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        more: dict[str, str] | None = None,
        **options,
    ):
        """A request by hand, below /api/2.0/mlflow/ unless the path begins with a slash."""
        address = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        headers |= more or {}
        return requests.request(
            method, f"{self.url}{address}", headers=headers, timeout=30, **options
        )

    def post(self, path: str, body: dict):
        """A POST by hand of a JSON body."""
        return self.call("POST", path, json=body)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The web server as `./run` starts it, without workers."""
    data = tmp_path_factory.mktemp("mlflow") / "data"
    data.mkdir()
    environment = {**os.environ, "METASCOPE_DATA": str(data), "WEB_CONCURRENCY": "2"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    _manage(environment, "migrate", "--verbosity", "0")
    admin = _token(environment, "max", "admin")
    token = _token(environment, "ada", "member")
    port = _free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "config/web.py", "-b", f"127.0.0.1:{port}"]
    with (data / "web.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, data / "web.log")
        yield Server(url, token, admin)
    finally:
        process.terminate()
        process.wait(30)


def _manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return (done.stdout.strip().splitlines() or [""])[-1]


def _token(environment: dict[str, str], name: str, role: str) -> str:
    return _manage(
        environment, "create_token", name, "--new-user", name, "--workspace", "lab",
        "--role", role,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + LIMIT_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                assert answer.read() == b"OK"
                return
        except OSError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)


@pytest.fixture
def client(server, monkeypatch) -> MlflowClient:
    """MLflow's client, pointed here by its environment variables alone."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return MlflowClient(tracking_uri=server.url)


_numbers = itertools.count(1)


@pytest.fixture
def experiment(client, request) -> str:
    """The id of a new experiment."""
    name = re.sub(r"\W+", " ", request.node.name)[:60]
    return client.create_experiment(f"{name} {next(_numbers)}")


@pytest.fixture
def run(client, experiment) -> str:
    """The id of a new run."""
    return client.create_run(experiment).info.run_id
