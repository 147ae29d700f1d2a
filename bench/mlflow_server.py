"""MLflow's unmodified client against this server and against MLflow's own, in one run.

    .venv/bin/python bench/mlflow_server.py [--seconds 5] [--runs 10000] [--only ingest|search]

Both serve from SQLite with one worker process; `peers.py` installs MLflow's. Clients are processes
of their own, each with a run of its own, and log as scripts do: one call a point, param, tag or
run; `log_metrics` of ten; `log_batch` of a thousand; `log_metric` with `synchronous=False`, flushed
at the end. Counted is what is there afterwards, over wall time until the calls returned (and were
flushed), over the CPU time of the server's processes, and over that of the clients; what is not
there is told. A third server answers at once and keeps nothing (`null_server.py`): its ratio to
MLflow's is the most that any server can reach with these clients. Then `search_runs` over many runs
with a filter and the order of a metric.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import null_server
import peer_servers
import peers
from ingest_http import server
from instance import instance
from peer_servers import cpu_seconds

WAYS = {
    "log_batch of 1,000": 1_000, "log_metrics of 10": 10, "log_metric": 1, "async": 1,
    "log_param": 1, "set_tag": 1, "create run": 1,
}  # fmt: skip
NULL = "null"
LIMIT_S = 120
MOST_ASYNC = 300


class Served(NamedTuple):
    """A server: what its clients are told, and its process."""

    name: str
    url: str
    token: str
    pid: int


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
    elif way == "log_param":
        mlflow.log_param(f"p{first}", first)
    elif way == "set_tag":
        mlflow.set_tag(f"t{first}", first)
    elif way == "create run":
        client = mlflow.MlflowClient()
        experiment = mlflow.active_run().info.experiment_id
        client.create_run(experiment, tags={"of": run_id, "mlflow.runName": f"r{first}"})
    else:
        now, step = int(time.time() * 1000), first // 10
        metrics = [
            mlflow.entities.Metric(f"m{key}", key / (step + row + 1), now + row, step + row)
            for row in range(100)
            for key in range(10)
        ]
        mlflow.MlflowClient().log_batch(run_id, metrics)


def measure(served: Served, way: str, clients: int, seconds: float) -> tuple[float, float]:
    """What is logged in a second, and in a second of the server's CPU time; prints both."""
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
    logged = sum(points for _, points, _ in told)
    found = logged if served.name == NULL else sum(visible(served, way, run) for run, *_ in told)
    if lost := logged - found:
        print(f"{served.name} lost {lost:,}")
    total = found - WAYS[way] * clients  # without the first calls
    spent = sum(one for *_, one in told)
    print(
        f"{way:18} {clients} clients {served.name:10} {total / wall:10,.0f} a second, "
        f"{total / cpu:10,.0f} a CPU second of the server, {total / spent:10,.0f} of the clients",
        flush=True,
    )
    return total / wall, total / cpu


def visible(served: Served, way: str, run_id: str) -> int:
    """How much of it is there."""
    client = client_of(served).MlflowClient(served.url)
    run = client.get_run(run_id)
    if way == "log_param":
        return len(run.data.params)
    if way == "set_tag":
        return sum(not tag.startswith("mlflow.") for tag in run.data.tags)
    if way == "create run":
        token, found = None, 0
        while token != "":
            page = client.search_runs(
                [run.info.experiment_id], f"tags.of = '{run_id}'", page_token=token
            )
            token, found = page.token or "", found + len(page)
        return found
    return sum(len(client.get_metric_history(run_id, key)) for key in run.data.metrics)


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

    pool = ThreadPoolExecutor(8)
    try:
        list(pool.map(make, range(runs)))
    finally:
        pool.shutdown(cancel_futures=True)
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
    parser.add_argument("--clients", nargs="*", type=int, default=[1, 8])
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    asked = parser.parse_args()
    interpreter = peers.python("mlflow")
    with instance(), tempfile.TemporaryDirectory(prefix="mlflow-bench-") as place:
        from experiments import access
        from experiments.models import Role
        from tests import factories

        factories.make_workspace("lab", ada=Role.MEMBER)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        theirs = Path(place) / "mlflow"
        theirs.mkdir()
        with (
            server("config.wsgi:application", {}) as (address, pid),
            peer_servers.serve("mlflow", interpreter, theirs) as (their_address, their_pid),
            null_server.serve(Path(place)) as (null_address, null_pid),
        ):
            ours = Served("Metascope", address, token, pid)
            null = Served(NULL, null_address, "", null_pid)
            compare([ours, Served("MLflow", their_address, "", their_pid)], null, asked)


def compare(both: list[Served], null: Served, asked: argparse.Namespace) -> None:
    """Prints what each takes and finds, and the ratios."""
    for way in asked.ways if asked.only != "search" else ():
        for clients in asked.clients:
            if way == "async" and clients > 1:
                continue  # MLflow's server does not take them within minutes
            found = [measure(one, way, clients, asked.seconds) for one in (*both, null)]
            (wall, cpu), theirs, (most, _) = found
            print(
                f"{'':29} ratio      {wall / theirs[0]:9.1f}x {cpu / theirs[1]:20.1f}x; by the "
                f"clock any server at most {most / theirs[0]:.1f}x",
                flush=True,
            )
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
