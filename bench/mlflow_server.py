"""MLflow's unmodified client against this server and against MLflow's own, in one run.

    .venv/bin/python bench/mlflow_server.py [--seconds 5] [--runs 10000] [--only ingest|search]

Both serve from SQLite with one worker process; MLflow's is installed, once, in an environment of
its own below the folder that METASCOPE_BENCH_PEERS names, or ~/.cache/metascope-bench. Clients are
processes of their own, each with a run of its own, and log as scripts do: `log_metric`, one call a
point; `log_metrics` of ten; `log_batch` of a thousand; `log_metric` with `synchronous=False`,
flushed at the end. Counted are the points that are in the history afterwards, over wall time until
the calls returned (and were flushed), over the CPU time of the server's processes, and over that of
the clients; points that are not there are told. Then `search_runs` over many runs with a filter and
the order of a metric.
"""

import argparse
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import requests
from ingest_http import server
from instance import instance

MLFLOW = ("mlflow==3.17.2", "numpy==2.4.6")
WAYS = {"log_metric": 1, "log_metrics of 10": 10, "log_batch of 1,000": 1_000, "async": 1}
LIMIT_S = 120
MOST_ASYNC = 300


class Served(NamedTuple):
    """A server: what its clients are told, and its process."""

    name: str
    url: str
    token: str
    pid: int


def mlflow_environment() -> Path:
    """The folder of an environment with the full package, made if it is not there."""
    named = os.environ.get("METASCOPE_BENCH_PEERS")
    folder = (Path(named) if named else Path.home() / ".cache" / "metascope-bench") / "mlflow"
    made_for = folder / "installed"
    if not made_for.exists() or made_for.read_text() != "\n".join(MLFLOW):
        print(f"Installing {MLFLOW[0]} in {folder} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin/pip"), "install", "-q", *MLFLOW], check=True)
        made_for.write_text("\n".join(MLFLOW))
    return folder


@contextmanager
def mlflow_server(folder: Path, data: Path) -> Iterator[Served]:
    """MLflow's own server with one worker, in a process group of its own."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [
        str(folder / "bin/mlflow"), "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", f"sqlite:///{data}/mlflow.db",
        "--artifacts-destination", str(data / "artifacts"),
    ]  # fmt: skip
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Processes for jobs of language models would idle at its cost.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (data / "mlflow.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=data, stdout=log, stderr=log, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait(url)
        yield Served("MLflow", url, "", process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait(url: str) -> None:
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            assert time.monotonic() < until, f"{url} does not answer"
            time.sleep(0.2)


def cpu_seconds(pid: int) -> float:
    """Of a process and all below it."""
    root = psutil.Process(pid)
    times = [one.cpu_times() for one in [root, *root.children(recursive=True)]]
    return sum(one.user + one.system for one in times)


def client_of(served: Served):
    """The unmodified client, told where by its variables alone."""
    os.environ["MLFLOW_TRACKING_URI"] = served.url
    if served.token:
        os.environ["MLFLOW_TRACKING_TOKEN"] = served.token
    import mlflow  # after the variables

    mlflow.set_tracking_uri(served.url)
    return mlflow


def send(served: Served, way: str, seconds: float, barrier, sent) -> None:
    """A client: logs until the time is over; tells its run and how many points."""
    mlflow = client_of(served)
    mlflow.set_experiment("bench")
    size = logged = WAYS[way]
    with mlflow.start_run() as run:
        log(mlflow, run.info.run_id, way, 0)  # what is made at first use is made now
        barrier.wait()
        end, before = time.monotonic() + seconds, time.process_time()
        while time.monotonic() < end:
            log(mlflow, run.info.run_id, way, logged)
            logged += size
            if way == "async" and logged >= MOST_ASYNC:
                break  # calls return at once: more would only be flushed for minutes
        mlflow.flush_async_logging()
        sent.put((run.info.run_id, logged, time.process_time() - before))
        barrier.wait()  # the run ends after the measurement


def log(mlflow, run_id: str, way: str, first: int) -> None:
    if way == "log_metric":
        mlflow.log_metric("loss", 1 / (first + 1), step=first)
    elif way == "async":
        mlflow.log_metric("loss", 1 / (first + 1), step=first, synchronous=False)
    elif way == "log_metrics of 10":
        mlflow.log_metrics({f"m{key}": key / (first + 1) for key in range(10)}, step=first // 10)
    else:
        now, step = int(time.time() * 1000), first // 10
        metrics = [
            mlflow.entities.Metric(f"m{key}", key / (step + row + 1), now + row, step + row)
            for row in range(100)
            for key in range(10)
        ]
        mlflow.MlflowClient().log_batch(run_id, metrics)


def measure(served: Served, way: str, clients: int, seconds: float) -> tuple[float, float]:
    """Points a second, and points a second of the server's CPU time; prints them."""
    context = multiprocessing.get_context("spawn")
    barrier, sent = context.Barrier(clients + 1), context.Queue()
    asked = (served, way, seconds, barrier, sent)
    processes = [context.Process(target=send, args=asked) for _ in range(clients)]
    for process in processes:
        process.start()
    barrier.wait(LIMIT_S)
    before, start = cpu_seconds(served.pid), time.monotonic()
    told = [sent.get(timeout=600) for _ in processes]
    wall, cpu = time.monotonic() - start, cpu_seconds(served.pid) - before
    barrier.wait(LIMIT_S)
    for process in processes:
        process.join()
    found = sum(visible(served, run_id) for run_id, *_ in told)
    if lost := sum(points for _, points, _ in told) - found:
        print(f"{served.name} lost {lost:,} points")
    total = found - WAYS[way] * clients  # without the first calls
    spent = sum(one for *_, one in told)
    print(
        f"{way:18} {clients} clients {served.name:10} {total / wall:10,.0f} points a second, "
        f"{total / cpu:10,.0f} a CPU second of the server, {total / spent:10,.0f} of the clients",
        flush=True,
    )
    return total / wall, total / cpu


def visible(served: Served, run_id: str) -> int:
    """How many points are in the history."""
    client = client_of(served).MlflowClient(served.url)
    keys = client.get_run(run_id).data.metrics
    return sum(len(client.get_metric_history(run_id, key)) for key in keys)


def fill(served: Served, runs: int) -> str:
    """An experiment of so many runs with five metrics and five params each; its id."""
    client = client_of(served).MlflowClient(served.url)
    from mlflow.entities import Metric, Param  # after the variables

    experiment = client.create_experiment(f"search {runs}")

    def make(number: int) -> None:
        run = client.create_run(experiment, start_time=1_800_000_000_000 + number)
        metrics = [Metric(f"m{key}", number * (key + 7) % 1009 / 1009, 1, 0) for key in range(5)]
        params = [Param(f"p{key}", str(number % (key + 3))) for key in range(5)]
        client.log_batch(run.info.run_id, metrics, params)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(runs)))
    return experiment


def search(served: Served, experiment: str, tries: int = 9) -> tuple[float, list[str]]:
    """Median seconds of a filtered search in the order of a metric, and the names it found."""
    client = client_of(served).MlflowClient(served.url)
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        found = client.search_runs(
            [experiment], "metrics.m1 < 0.5 and params.p0 = '1'", order_by=["metrics.m2 DESC"],
            max_results=50,
        )  # fmt: skip
        times.append(time.perf_counter() - start)
    return statistics.median(times), [str(run.info.start_time) for run in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--only", choices=("ingest", "search"))
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without ending the servers
    folder = mlflow_environment()
    with instance(), tempfile.TemporaryDirectory(prefix="mlflow-bench-") as theirs:
        from experiments import access
        from experiments.models import Role
        from tests import factories

        factories.make_workspace("lab", ada=Role.MEMBER)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        with (
            server("config.wsgi:application", {}) as (address, pid),
            mlflow_server(folder, Path(theirs)) as mlflow,
        ):
            compare([Served("Metascope", address, token, pid), mlflow], asked)


def compare(both: list[Served], asked: argparse.Namespace) -> None:
    """Prints what each takes and finds, and the ratios."""
    for way in WAYS if asked.only != "search" else ():
        for clients in (1, 8):
            found = [measure(one, way, clients, asked.seconds) for one in both]
            wall, cpu = (ours / theirs for ours, theirs in zip(*found, strict=True))
            print(f"{'':29} ratio      {wall:9.1f}x {cpu:26.1f}x", flush=True)
    if asked.only != "ingest":
        compare_search(both, asked.runs)


def compare_search(both: list[Served], runs: int) -> None:
    filled = [fill(one, runs) for one in both]
    found = [search(one, experiment) for one, experiment in zip(both, filled, strict=True)]
    assert found[0][1] == found[1][1], "they find other runs, or in another order"
    for one, (seconds, _) in zip(both, found, strict=True):
        print(f"search of {runs:,} runs, {one.name:10} {1000 * seconds:8.1f} ms")
    print(f"ratio {found[1][0] / found[0][0]:.1f}x")


if __name__ == "__main__":
    main()
