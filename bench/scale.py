"""Charts, the disk and memory with very many points behind them: up to a billion.

    .venv/bin/python bench/scale.py [--more 900] [--keep FOLDER] [--postgresql]

Loads 50 runs of 10,000 points, 10 of 100,000 and 100 of 1,000,000, and `--more` runs of 1,000,000
(900: about 10^9 points in all), each point with a step, a jittered time and a noisy value, in
batches of 100,000 through the code that answers requests. Then a web server with one process, as
`./run` configures it, is asked over HTTP for each chart, 1,000 buckets a run: cold is the first
request to a new server with the database's pages dropped from the system's cache, warm the
following ones. Milliseconds are wall time at the client until the last byte, so other work on
the machine counts; the web server's CPU time of a warm request stands beside it. With --postgresql
all of it once more with the data on a PostgreSQL server, whose CPU time is not counted; what that
keeps in its own memory stays there when cold. Beside the bytes a point: those of TensorBoard and
MLflow for ten runs of 10,000 points.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import peer_servers
import peers
import psutil
import urllib3
from django.db import connection
from ingest_http import cpu_seconds, server
from instance import again_on_postgresql, database_files, instance, stored

KEY = "train/loss"
BATCH = 100_000
WARM = 9
RUNS_A_BEAT = 10  # as a worker does every 20 seconds
PEER_RUNS, PEER_POINTS = 10, 10_000  # as many as other trackers write in seconds
SETS = (("50 x 10,000", 50, 10_000), ("10 x 100,000", 10, 100_000), ("100 x 1,000,000", 100, 10**6))


def fill(project: Any, runs: int, points: int) -> list[str]:
    """New runs with one folded series each; their ids."""
    from experiments import folding, recording
    from experiments.shapes import SeriesPoints
    from tests import factories

    steps = np.arange(points)
    ids = []
    for _ in range(runs):
        rng = np.random.default_rng(len(ids))
        times = 1.8e9 + steps * 0.01 + rng.uniform(0, 0.001, points)
        values = np.exp(-steps / points * 3) + rng.normal(0, 0.05, points)
        run_id = factories.make_run(project).pk
        for number, start in enumerate(range(0, points, BATCH)):
            part = slice(start, start + BATCH)
            series = [SeriesPoints(KEY, steps[part], times[part], values[part])]
            recording.record(run_id=run_id, client="bench", number=number, series=series)
        folding.fold_run(run_id)
        if len(ids) % RUNS_A_BEAT == 0:
            folding.give_back_room()
        ids.append(run_id)
    return ids


def forget(data: Path) -> None:
    """Drops what the system keeps of the database in memory."""
    os.sync()
    for path in database_files(data):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def ask(pool: urllib3.PoolManager, url: str, token: str) -> tuple[float, int]:
    """Milliseconds until the last byte, and how many there were."""
    start = time.perf_counter()
    answer = pool.request("GET", url, headers={"Authorization": f"Bearer {token}"})
    took = (time.perf_counter() - start) * 1000
    assert answer.status == 200, answer.data[:500]
    return took, len(answer.data)


def chart(name: str, path: str, token: str, data: Path) -> None:
    """Prints what one chart takes, cold and warm, and the server's memory afterwards."""
    forget(data)
    with server("config.wsgi:application", {}) as (address, pid):
        pool = urllib3.PoolManager()
        pool.request("GET", f"{address}/sign-in/")  # the server is up; it has read no point
        cold, length = ask(pool, address + path, token)
        before = cpu_seconds(pid)
        warm = [ask(pool, address + path, token)[0] for _ in range(WARM)]
        cpu = (cpu_seconds(pid) - before) * 1000 / WARM
        memory = max(p.memory_info().rss for p in psutil.Process(pid).children()) / 2**20
    print(
        f"{name:26} cold {cold:7.1f} ms, warm {statistics.median(warm):7.1f} "
        f"({min(warm):.1f} to {max(warm):.1f}), CPU {cpu:.0f} ms, {length / 1e6:5.2f} MB, "
        f"server {memory:.0f} MB",
        flush=True,
    )


def tidy() -> None:
    """What PostgreSQL does by itself within a minute or so: the rows of folded batches are given
    back. SQLite uses such room again by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")


def show_peers(points: int, ours: float) -> None:
    """Prints what other trackers take on disk for runs of so many points of the same kind."""
    with tempfile.TemporaryDirectory(prefix="metascope-peers-") as work:
        for peer, interpreter in peers.available(["tensorboard", "mlflow"]).items():
            folder = Path(work) / peer
            peers.write(peer, "points", folder, interpreter, PEER_RUNS, points)
            taken = peer_servers.used(folder) / PEER_RUNS / points
            print(
                f"{peers.version(peer):26} {taken:.1f} bytes a point, {taken / ours:.1f} x ours",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--more", type=int, default=0, help="more runs of a million points")
    parser.add_argument(
        "--large", type=int, default=100, help="runs of a million, for a quick look"
    )
    parser.add_argument("--keep", type=Path, help="a folder whose points are used again")
    parser.add_argument(
        "--postgresql", action="store_true", help="once more on a PostgreSQL server of its own"
    )
    asked = parser.parse_args()
    show(asked.more, asked.large, asked.keep)
    if asked.postgresql:
        again = ["--more", str(asked.more), "--large", str(asked.large)]
        again_on_postgresql(__file__, again)


def show(more: int, large: int, keep: Path | None) -> None:
    """Prints the charts of the database that the environment names."""
    *small, (name, _, points) = SETS
    sets = [*small, (name.replace("100", str(large), 1), large, points)]
    with instance(keep) as data:
        from django.db import connections

        from experiments import access
        from experiments.models import Role, Run, Series
        from tests import factories

        if not Run.objects.exists():
            lab = factories.make_workspace("lab", ada=Role.MEMBER)
            empty = stored(data)
            start = time.perf_counter()
            for name, runs, points in (*sets, ("more", more, 10**6)):
                fill(factories.make_project(lab, name.split()[0] + str(points)), runs, points)
            seconds = time.perf_counter() - start
            total = sum(Series.objects.values_list("count", flat=True))
            connections.close_all()
            loaded = stored(data) - empty
            tidy()
            used = stored(data) - empty
            print(
                f"{total:,} points loaded at {total / seconds:,.0f} a second, "
                f"{used / total:.2f} bytes a point on disk ({used / 1e9:.2f} GB; "
                f"{loaded / total:.2f} before rows that were deleted meanwhile were given back)",
                flush=True,
            )
            show_peers(PEER_POINTS, used / total)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        for name, runs, points in sets:
            found = Run.objects.filter(project__slug=name.split()[0] + str(points))
            ids = list(found.order_by("number").values_list("pk", flat=True)[:runs])
            assert len(ids) == runs
            path = f"/api/v1/series/?runs={','.join(ids)}&keys={KEY}&width=1000"
            chart(name, path, token, data)


if __name__ == "__main__":
    main()
