"""Taking points over HTTP until they are visible: the web server's CPU time, one process of it.

    .venv/bin/python bench/ingest_http.py [--seconds 8] [--postgresql]

The web server (gunicorn, one process, its threads) runs as `./run` starts it, on a core of its own;
clients of other processes send records as the Metascope client does, over kept connections, each
to a run of its own. Counted are points of answered batches, afterwards found in the series' counts,
over the CPU time of the server's processes meanwhile; wall time is printed beside it. The row
server beside it stores one SQL row per point behind the same web server: the layout to beat.
With --postgresql all of it once more with Metascope's data on a PostgreSQL server, as durable; its
own CPU time is not counted, the rows stay in SQLite.
"""

import argparse
import json
import multiprocessing
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import numpy as np
import urllib3
from instance import ROOT, again_on_postgresql, instance, started

KEYS = 10
CONTENT_TYPE = "application/vnd.metascope.records"
ROW_SERVER = """
import json, os, sqlite3, threading
local = threading.local()
def application(environ, start_response):
    rows = getattr(local, "rows", None)
    if rows is None:
        rows = local.rows = sqlite3.connect(os.environ["ROWS"], isolation_level=None, timeout=60)
        rows.execute("PRAGMA synchronous=FULL")
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    rows.execute("BEGIN IMMEDIATE")
    for one in json.loads(body)["series"]:
        columns = zip(one["steps"], one["times"], one["values"], strict=True)
        rows.executemany("INSERT INTO point VALUES (1, ?, ?, ?, ?)",
                         ([one["key"], *point] for point in columns))
    rows.execute("COMMIT")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]
"""


def records(number: int, steps: int) -> bytes:
    """One batch as the Metascope client sends it."""
    header = json.dumps({"client": "bench", "number": number}).encode()
    keys = json.dumps([f"train/metric_{key}" for key in range(KEYS)]).encode()
    rows = np.random.default_rng(number).normal(size=(steps, KEYS))
    pack = struct.Struct(f"<BIqd{KEYS}d").pack
    parts = [struct.pack("<BI", 1, 1) + keys]
    parts += [
        pack(2, 1, number * steps + step, 1.8e9 + number + step * 1e-3, *row)
        for step, row in enumerate(rows.tolist())
    ]
    body = b"".join(struct.pack("<II", len(part), crc32(part)) + part for part in parts)
    return struct.pack("<I", len(header)) + header + body


def columns(number: int, steps: int) -> bytes:
    """The same points as JSON."""
    rows = np.random.default_rng(number).normal(size=(steps, KEYS))
    first = number * steps
    times = (1.8e9 + number + np.arange(steps) * 1e-3).tolist()
    series = [
        {
            "key": f"train/metric_{key}",
            "steps": list(range(first, first + steps)),
            "times": times,
            "values": rows[:, key].tolist(),
        }
        for key in range(KEYS)
    ]
    return json.dumps({"client": "bench", "number": number, "series": series}).encode()


def send(url: str, token: str, kind: str, steps: int, barrier, seconds: float, sent) -> None:
    """A client: makes its batches first, then sends one after the other."""
    make, content_type = (columns, "application/json") if token == "" else (records, CONTENT_TYPE)
    # More than it can send; of large batches fewer, which the clock ends all the same.
    rate = 400_000 if steps < 1000 else 2_000_000 / 8
    count = max(3, int(rate * seconds / (steps * KEYS)))
    bodies = [make(number, steps) for number in range(count)]
    pool = urllib3.PoolManager()
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {token}"}
    barrier.wait()  # all are ready
    barrier.wait()  # and the server's CPU time is read
    end = time.monotonic() + seconds
    done = 0
    for body in bodies:
        answer = pool.request("POST", url, body=body, headers=headers)
        assert answer.status == 200, answer.data[:500]
        done += steps * KEYS
        if time.monotonic() > end:
            break
    sent.put(done)


@contextmanager
def server(
    application: str, environment: dict[str, str], core: int | None = None, root: Path = ROOT
) -> Iterator[tuple[str, int]]:
    """gunicorn with one worker process, as `./run` configures it; its address and pid.

    `core`: the one it keeps to, where it must not have more; `root`: the checkout it is of.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "--config", "python:config.web", "--workers", "1",
        "--bind", f"127.0.0.1:{port}", application,
    ]  # fmt: skip
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    said = Path(os.environ["METASCOPE_DATA"]) / "server.log"  # a line for each request
    with (
        said.open("a") as log,
        started(command, cwd=root, env={**os.environ, **environment}, stderr=log) as process,
    ):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, said.read_text()[-2000:]
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, from /proc."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    ticks = 0
    for one in pids:
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(
    name: str, address: str, pid: int, paths: list[str], token: str, steps: int, seconds: float
) -> tuple[int, float]:
    """Points and the server's CPU seconds for them; prints how many a second."""
    context = multiprocessing.get_context("spawn")
    barrier, sent = context.Barrier(len(paths) + 1), context.Queue()
    clients = [
        context.Process(
            target=send, args=(address + path, token, name, steps, barrier, seconds, sent)
        )
        for path in paths
    ]
    for client in clients:
        client.start()
    barrier.wait()
    before, start = cpu_seconds(pid), time.monotonic()
    barrier.wait()
    points = sum(sent.get() for _ in clients)
    wall, cpu = time.monotonic() - start, cpu_seconds(pid) - before
    for client in clients:
        client.join()
    print(
        f"{name:10} {len(paths)} clients, batches of {steps * KEYS:7,}: "
        f"{points / cpu:12,.0f} points a CPU second, {points / wall:12,.0f} a second"
    )
    return points, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument(
        "--postgresql", action="store_true", help="once more on a PostgreSQL server of its own"
    )
    asked = parser.parse_args()
    compare(asked.seconds)
    if asked.postgresql:
        again_on_postgresql(__file__, ["--seconds", str(asked.seconds)])


def compare(seconds: float) -> None:
    """Prints what is taken on the database of the environment, beside the rows' server."""
    with instance() as data:
        from instance import row_database

        from experiments import access, folding
        from experiments.models import Role, Series
        from tests import factories

        factories.make_workspace("lab", ada=Role.MEMBER)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        row_database(data / "rows.sqlite3").close()
        rows = {"ROWS": str(data / "rows.sqlite3"), "PYTHONPATH": str(data)}
        (data / "row_server.py").write_text(ROW_SERVER)
        *others, core = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, others or [core])  # the clients', which inherit it
        for steps in (100, 1_000, 10_000):
            for clients in (1, 8):
                runs = [factories.make_run() for _ in range(clients)]
                paths = [f"/api/v1/runs/{run.pk}/metrics/" for run in runs]
                with server("config.wsgi:application", {}, core) as (address, pid):
                    points, cpu = measure("metascope", address, pid, paths, token, steps, seconds)
                visible = Series.objects.filter(run__in=runs).values_list("count", flat=True)
                assert len(visible) == clients * KEYS, len(visible)
                with server("row_server:application", rows, core) as (address, pid):
                    stored, spent = measure("rows", address, pid, ["/"] * clients, "", steps, 3)
                start = time.process_time()
                for run in runs:
                    folding.fold_run(run.pk)
                folded = points / (cpu + time.process_time() - start)
                ratio = folded / (stored / spent)
                print(
                    f"folded     {folded:12,.0f} points a CPU second; ratio {ratio:6.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
