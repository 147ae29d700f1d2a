"""Taking points over HTTP until they are visible: ours and other trackers' own servers.

    .venv/bin/python bench/peers_ingest.py [--seconds 4] [--peers mlflow trackio]

Each server has one process that answers requests. Clients of other processes, one and eight, send
batches over kept connections, each to a run of its own, made beforehand: ours the records of its
client, trackio the `bulk_log` of its client, MLflow its `log-batch`, which takes 1,000 points at
most. Counted are the points of answered batches, afterwards seen through the tracker's API, over
the CPU time of the server's processes meanwhile and over wall time. Ours folds in requests only
what a run has too much of; "folded" counts in the time that is left to fold the rest, which a
worker does. The ratio is ours, folded, by theirs of points a CPU second, in batches of the same
size. TensorBoard takes no points over HTTP.
"""

import argparse
import json
import multiprocessing
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import peer_data
import peer_servers
import peers
import urllib3
from ingest_http import CONTENT_TYPE, KEYS, records, server
from instance import instance

OURS = "metascope"
TAKEN = ["trackio", "mlflow"]
JSON = "application/json"
SIZES = (100, 1_000, 10_000)  # steps a batch, of ten metrics each
MLFLOW_MOST = 1_000  # points


def trackio_batch(run: str, number: int, steps: int) -> bytes:
    """What its client sends."""
    rows = np.random.default_rng(number).normal(size=(steps, KEYS)).tolist()
    logs = [
        {
            "project": peer_data.PROJECT,
            "run": run,
            "run_id": run,
            "metrics": {f"train/metric_{key}": value for key, value in enumerate(row)},
            "step": number * steps + step,
            "config": None,
            "log_id": uuid.uuid4().hex,
        }
        for step, row in enumerate(rows)
    ]
    return json.dumps({"logs": logs, "hf_token": None}).encode()


def mlflow_batch(run: str, number: int, steps: int) -> bytes:
    rows = np.random.default_rng(number).normal(size=(steps, KEYS)).tolist()
    first = number * steps
    metrics = [
        {
            "key": f"train/metric_{key}",
            "value": value,
            "timestamp": 1_800_000_000_000 + first + step,
            "step": first + step,
        }
        for step, row in enumerate(rows)
        for key, value in enumerate(row)
    ]
    return json.dumps({"run_id": run, "metrics": metrics}).encode()


# How to make a batch, its type, and about how many points a second to make batches for.
BATCHES: dict[str, tuple[Callable[[str, int, int], bytes], str, int]] = {
    OURS: (lambda run, number, steps: records(number, steps), CONTENT_TYPE, 8_000_000),
    "trackio": (trackio_batch, JSON, 200_000),
    "mlflow": (mlflow_batch, JSON, 20_000),
}


@dataclass(frozen=True)
class Target:
    """Where the clients of a tracker send."""

    name: str
    address: str
    pid: int
    runs: list[str]
    path: str
    headers: dict[str, str] = field(default_factory=dict)


def send(target: Target, run: str, steps: int, seconds: float, barrier: Any, sent: Any) -> None:
    """A client: makes its batches, sends one that is not counted, then one after the other."""
    make, content_type, rate = BATCHES[target.name]
    count = max(4, int(rate * seconds / len(target.runs) / (steps * KEYS)))
    bodies = [make(run, number, steps) for number in range(count)]
    pool = urllib3.PoolManager()
    url = target.address + target.path.format(run=run)
    headers = {"Content-Type": content_type, **target.headers}
    done = 0
    for number, body in enumerate(bodies):
        if number == 1:
            barrier.wait()  # all have sent one
            barrier.wait()  # and the server's CPU time is read
            end = time.monotonic() + seconds
        answer = pool.request("POST", url, body=body, headers=headers, timeout=60)
        assert answer.status == 200, answer.data[:500]
        done += steps * KEYS
        if number and time.monotonic() > end:
            break
    sent.put(done)


@dataclass(frozen=True)
class Measured:
    """Points sent; those but for the first batches, and what they took."""

    sent: int
    counted: int
    cpu: float
    wall: float


def measure(target: Target, steps: int, seconds: float) -> Measured:
    """Lets the clients send."""
    context = multiprocessing.get_context("spawn")
    barrier, sent = context.Barrier(len(target.runs) + 1), context.Queue()
    clients = [
        context.Process(target=send, args=(target, run, steps, seconds, barrier, sent))
        for run in target.runs
    ]
    for client in clients:
        client.start()
    barrier.wait()
    before, start = peer_servers.cpu_seconds(target.pid), time.monotonic()
    barrier.wait()
    points = sum(sent.get() for _ in clients)
    wall, cpu = time.monotonic() - start, peer_servers.cpu_seconds(target.pid) - before
    for client in clients:
        client.join()
    return Measured(points, points - len(clients) * steps * KEYS, cpu, wall)


@contextmanager
def serving(name: str, found: dict[str, Path], clients: int, token: str) -> Iterator[Target]:
    """A tracker's server with runs for the clients."""
    if name == OURS:
        from tests import factories

        runs = [factories.make_run().pk for _ in range(clients)]
        path, headers = "/api/v1/runs/{run}/metrics/", {"Authorization": f"Bearer {token}"}
        with server("config.wsgi:application", {}) as (address, pid):
            yield Target(name, address, pid, runs, path, headers)
        return
    with tempfile.TemporaryDirectory(prefix="metascope-peers-") as work:
        folder = Path(work) / name
        folder.mkdir()
        if name == "mlflow":
            command = [found[name], peer_data.__file__, name, "runs", folder]
            subprocess.run(
                [*command, "--runs", str(clients)], check=True, capture_output=True, cwd=folder
            )
            runs = [peer_data.mlflow_id(run) for run in range(clients)]
            path, headers = "/api/2.0/mlflow/runs/log-batch", {}
        else:
            runs = [uuid.uuid4().hex for _ in range(clients)]
            path = "/api/bulk_log"
            headers = {"X-Trackio-Write-Token": peer_servers.WRITE_TOKEN}
        with peer_servers.serve(name, found[name], folder) as (address, pid):
            yield Target(name, address, pid, runs, path, headers)


def visible(target: Target) -> int:
    """Points that the tracker now has of the runs, asked over HTTP."""
    pool = urllib3.PoolManager()
    total = 0
    for run in target.runs:
        if target.name == OURS:
            url = f"{target.address}/api/v1/runs/{run}/metrics/"
            answer = pool.request("GET", url, headers=target.headers).json()
            total += sum(one["count"] for one in answer["results"])
        elif target.name == "trackio":
            asked = {"project": peer_data.PROJECT, "run": run, "run_id": run}
            url = f"{target.address}/api/get_run_summary"
            total += pool.request("POST", url, json=asked).json()["data"]["num_logs"] * KEYS
        else:
            total += mlflow_points(target, pool, run)
    return total


def mlflow_points(target: Target, pool: urllib3.PoolManager, run: str) -> int:
    total = 0
    for key in range(KEYS):
        url = f"{target.address}/api/2.0/mlflow/metrics/get-history"
        asked = {"run_id": run, "metric_key": f"train/metric_{key}"}
        total += len(pool.request("GET", url, fields=asked).json()["metrics"])
    return total


def folding_seconds(target: Target) -> float:
    """CPU time that is left to fold all points of the runs, where the tracker is ours."""
    if target.name != OURS:
        return 0
    from experiments import folding

    start = time.process_time()
    for run in target.runs:
        folding.fold_run(run)
    return time.process_time() - start


def taken(name: str, found: dict[str, Path], steps: int, clients: int, asked: Any) -> float:
    """Points a CPU second, folded; prints them."""
    with serving(name, found, clients, asked.token) as target:
        one = measure(target, steps, asked.seconds)
        seen = visible(target)
        assert seen == one.sent, f"{name}: {seen} of {one.sent} points are visible"
        left = folding_seconds(target)
    folded = one.counted / (one.cpu + left)
    also = f" ({folded:,.0f} folded)" if name == OURS else ""
    print(
        f"{name:10} {clients} clients, batches of {steps * KEYS:7,}: "
        f"{one.counted / one.cpu:12,.0f} points a CPU second{also}, "
        f"{one.counted / one.wall:,.0f} a second ({one.sent:,} points)",
        flush=True,
    )
    return folded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--peers", nargs="*", default=TAKEN, choices=TAKEN)
    asked = parser.parse_args()
    found = peers.available(asked.peers)
    print("versions: " + ", ".join(peers.version(name) for name in found))
    with instance():
        from experiments import access
        from experiments.models import Role
        from tests import factories

        factories.make_workspace("lab", ada=Role.MEMBER)
        _, asked.token = access.create_token(user=factories.make_user("ada"), name="bench")
        for steps in SIZES:
            for clients in (1, 8):
                ours = taken(OURS, found, steps, clients, asked)
                for name in found:
                    if name == "mlflow" and steps * KEYS > MLFLOW_MOST:
                        continue
                    theirs = taken(name, found, steps, clients, asked)
                    print(f"{'':10} ours is {ours / theirs:,.1f} x {name}", flush=True)


if __name__ == "__main__":
    main()
