"""The servers of other trackers, on a data folder of their own, as their manuals start them.

Each is the tracker's own server with one process that answers requests, where it has a choice.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import urllib3
from instance import started

START_S = 120
WRITE_TOKEN = "bench"
TRACKIO = (
    "import trackio; trackio.show(open_browser=False, block_thread=True, host='127.0.0.1',"
    " server_port={port})"
)


def command(peer: str, interpreter: Path, folder: Path, port: int) -> list[str]:
    """What starts the server."""
    if peer == "trackio":
        return [str(interpreter), "-c", TRACKIO.format(port=port)]
    programs = interpreter.parent
    if peer == "mlflow":
        return [
            str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination", str(folder / "artifacts"),
        ]  # fmt: skip
    return [
        str(programs / "tensorboard"), "--logdir", str(folder), "--host", "127.0.0.1",
        "--port", str(port),
    ]  # fmt: skip


@contextmanager
def serve(peer: str, interpreter: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Its address and pid, once it answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {
        **os.environ, "HOME": str(folder), "TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1",
        "TRACKIO_WRITE_TOKEN": WRITE_TOKEN, "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its idle processes would count as work
        "PATH": f"{interpreter.parent}:{os.environ['PATH']}",
    }  # fmt: skip
    environment.pop("PYTHONPATH", None)
    log = folder.parent / f"{peer}.log"
    with (
        log.open("w") as said,
        started(
            command(peer, interpreter, folder, port), cwd=folder, env=environment,
            stdout=said, stderr=said,
        ) as process,
    ):  # fmt: skip
        _await(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}", process.pid


def cpu_seconds(pid: int) -> float:
    """Of a process and all below it."""
    top = psutil.Process(pid)
    times = [one.cpu_times() for one in (top, *top.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def forget(folder: Path) -> None:
    """Drops what the system keeps of the folder's files in memory."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def used(folder: Path) -> int:
    """Bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _await(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    pool = urllib3.PoolManager(retries=False)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            pool.request("GET", address, timeout=5)
            return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    raise SystemExit(f"{process.args} does not answer:\n{log.read_text()[-2000:]}")
