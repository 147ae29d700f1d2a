"""A large folder as an artifact: sent, killed half-way, gone on with, fetched, compared.

    .venv/bin/python bench/upload_folder.py [--files 10000] [--mb 5000]

A folder of random bytes: a tenth of the bytes in files of 100 MB, the rest in small ones, one in
twenty of them a copy of another. A script logs it with `log_artifact` to a web server as `./run`
starts it (gunicorn, its processes); the script is killed with SIGKILL once half of the bytes have
arrived; `metascope sync` sends the rest; `metascope cp` fetches the version; the SHA-256 of every
file is compared. Printed: seconds, MB a second, requests, bytes sent in each part and twice, and
the most memory any client and any process of the server took. Needs three times the size on disk.
First, a folder of a tenth of the files and bytes, sent whole: by our client and by MLflow's, each
to its own server, in turns. What the start of a client takes is in both.
"""

import argparse
import hashlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import peer_servers
import peers
from instance import ROOT, instance, started

MB = 1_000_000
LARGE = 100 * MB
SCRIPT = """
import sys, metascope
with metascope.start("upload", console=False, code=False, system=False) as run:
    run.log_artifact(sys.argv[1], "folder", kind="dataset")
"""
PEER_SCRIPT = """
import sys, mlflow
mlflow.set_experiment("upload")
with mlflow.start_run():
    mlflow.log_artifacts(sys.argv[1], "folder")
"""
TURNS = 3
# Between gunicorn and the application: a line for each request, with the bytes of its body.
COUNTED = """
import os
from config.wsgi import application as counted
LINES = os.open(os.environ["COUNTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
class Body:
    def __init__(self, body):
        self.body, self.taken = body, 0
    def read(self, *size):
        found = self.body.read(*size)
        self.taken += len(found)
        return found
    def __getattr__(self, name):
        return getattr(self.body, name)
def application(environ, start_response):
    body = environ["wsgi.input"] = Body(environ["wsgi.input"])
    found = counted(environ, start_response)
    line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {body.taken}\\n"
    os.write(LINES, line.encode())
    return found
"""


@dataclass(frozen=True)
class Sent:
    """What has arrived so far."""

    requests: int
    bytes: int

    def since(self, before: "Sent") -> "Sent":
        return Sent(self.requests - before.requests, self.bytes - before.bytes)


def make_folder(root: Path, files: int, size: int, seed: int = 0) -> dict[str, str]:
    """The files, and the SHA-256 of each by its path."""
    generator = np.random.default_rng(seed)
    large = [LARGE] * (size // 10 // LARGE)
    small = files - len(large)
    weights = generator.exponential(size=small)
    sizes = (weights / weights.sum() * (size - sum(large))).astype(int).tolist()
    found: dict[str, str] = {}
    data = b""
    for number, length in enumerate([*large, *sizes]):
        if number % 20 or not data:
            data = generator.bytes(length)
        path = f"{number % 100:02}/{number:06}.bin"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        found[path] = hashlib.sha256(data).hexdigest()
    return found


@contextmanager
def server(data: Path) -> Iterator[tuple[str, int]]:
    """As `./run` starts it; its address and pid."""
    (data / "counted.py").write_text(COUNTED)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "--config", "python:config.web",
        "--bind", f"127.0.0.1:{port}", "counted:application",
    ]  # fmt: skip
    path = os.pathsep.join((str(ROOT), str(ROOT / "client"), str(data)))
    environment = {**os.environ, "COUNTS": str(data / "counts"), "PYTHONPATH": path}
    with (
        (data / "server.log").open("wb") as log,
        started(command, cwd=ROOT, env=environment, stderr=log) as process,
    ):
        wait(lambda: answers(port), 60)
        yield f"http://127.0.0.1:{port}", process.pid


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def arrived(data: Path) -> Sent:
    """Files and parts of files, of requests that were answered."""
    path = data / "counts"
    lines = path.read_text().splitlines() if path.exists() else []
    sizes = [int(line.rpartition(" ")[2]) for line in lines if line.startswith("PUT ")]
    return Sent(len(lines), sum(sizes))


def memory_mb(pid: int) -> float:
    """The most that a process has taken so far; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def workers(pid: int) -> list[int]:
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def run(
    command: list[str],
    environment: dict[str, str],
    until=lambda: False,
    interpreter: str = sys.executable,
) -> tuple[float, float]:
    """Seconds and peak memory of a process, which is killed when `until` says so."""
    began, peak = time.monotonic(), 0.0
    process = subprocess.Popen([interpreter, *command], env=environment, stdout=2)
    while process.poll() is None:
        peak = max(peak, memory_mb(process.pid))
        if until():
            process.send_signal(signal.SIGKILL)
        time.sleep(0.05)
    assert process.returncode in (0, -signal.SIGKILL), process.returncode
    return time.monotonic() - began, peak


def verify(folder: Path, hashes: dict[str, str]) -> None:
    """Every file is there, and none else, byte for byte."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == set(hashes), found ^ set(hashes)
    for path, sha256 in hashes.items():
        with (folder / path).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == sha256, path


def show(what: str, seconds: float, peak: float, sent: Sent, size: int) -> None:
    print(
        f"{what}: {seconds:.1f} s, {size / MB / seconds:.0f} MB/s; {sent.requests:,} requests, "
        f"{sent.bytes / MB:,.1f} MB sent; client's memory at most {peak:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--mb", type=int, default=5_000)
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="metascope-bench-"))
    try:
        with instance() as data, server(data) as (address, pid):
            measure(given, work, data, address, pid)
    finally:
        shutil.rmtree(work)


def compare(given: argparse.Namespace, work: Path, environment: dict[str, str]) -> None:
    """Prints what a smaller folder takes, sent by our client and by MLflow's."""
    folders = [work / f"small-{turn}" for turn in range(TURNS)]
    for turn, folder in enumerate(folders):
        make_folder(folder, given.files // 10, given.mb * MB // 10, seed=turn + 1)
    size = given.mb * MB // 10
    peer_script = work / "peer.py"
    peer_script.write_text(PEER_SCRIPT)
    (work / "mlflow").mkdir()
    for peer, interpreter in peers.available(["mlflow"]).items():
        with peer_servers.serve(peer, interpreter, work / peer) as (address, _):
            theirs = {**os.environ, "MLFLOW_TRACKING_URI": address}
            theirs.pop("PYTHONPATH", None)
            taken = [
                (
                    run([str(work / "script.py"), str(folder)], environment)[0],
                    run([str(peer_script), str(folder)], theirs, interpreter=str(interpreter))[0],
                )
                for folder in folders
            ]
        ours, others = zip(*taken, strict=True)
        for name, seconds in (("metascope", ours), (peers.version(peer), others)):
            middle = statistics.median(seconds)
            print(
                f"{name:16} {given.files // 10:,} files, {size / MB:,.0f} MB: {middle:.1f} s "
                f"({min(seconds):.1f} to {max(seconds):.1f}), {size / MB / middle:.0f} MB/s"
            )
        ratio = statistics.median(their / our for our, their in taken)
        print(f"ratio {ratio:.1f}", flush=True)
    for folder in folders:
        shutil.rmtree(folder)


def measure(given: argparse.Namespace, work: Path, data: Path, address: str, pid: int) -> None:
    from experiments import access
    from experiments.models import Role
    from tests import factories

    factories.make_workspace("lab", ada=Role.MEMBER)
    _, token = access.create_token(user=factories.make_user("ada"), name="bench")
    hashes = make_folder(work / "folder", given.files, given.mb * MB)
    sizes = {sha: (work / "folder" / path).stat().st_size for path, sha in hashes.items()}
    size, once = sum(sizes[sha] for sha in hashes.values()), sum(sizes.values())
    print(
        f"{len(hashes):,} files, {size / MB:,.1f} MB; {len(sizes):,} different ones, "
        f"{once / MB:,.1f} MB",
        flush=True,
    )
    environment = {
        **os.environ, "METASCOPE_URL": address, "METASCOPE_TOKEN": token,
        "METASCOPE_SPOOL": str(work / "spool"), "METASCOPE_EXIT_WAIT_S": "36000",
        "XDG_CACHE_HOME": str(work / "cache"), "PYTHONPATH": str(ROOT / "client"),
    }  # fmt: skip
    script = work / "script.py"
    script.write_text(SCRIPT)
    compare(given, work, environment)
    start = arrived(data)

    taken, peak = run(
        [str(script), str(work / "folder")], environment,
        until=lambda: arrived(data).since(start).bytes > once / 2,
    )  # fmt: skip
    time.sleep(2)  # what it had sent last is answered to nobody
    before = arrived(data)
    first = before.since(start)
    show("sent and killed half-way", taken, peak, first, first.bytes)
    taken, peak = run(["-m", "metascope", "sync"], environment)
    sent = arrived(data).since(before)
    show("the rest", taken, peak, sent, sent.bytes)
    twice = first.bytes + sent.bytes - once
    print(f"sent twice: {twice / MB:,.1f} MB ({100 * twice / once:.2f} %)")

    shutil.rmtree(work / "folder")
    command = ["-m", "metascope", "cp", "upload:folder", str(work / "fetched")]
    before = arrived(data)
    taken, peak = run(command, environment)
    show("fetched", taken, peak, arrived(data).since(before), size)
    verify(work / "fetched", hashes)
    print("every file has its SHA-256")
    print(f"server's processes: {', '.join(f'{memory_mb(one):.0f} MB' for one in workers(pid))}")


if __name__ == "__main__":
    main()
