"""The search of a project with very many runs: any page of a filtered, metric-sorted table.

    .venv/bin/python bench/run_search.py [--runs 100000] [--keep FOLDER] [--plans] [--postgresql]

Every run has 20 params, 10 metrics and 5 tags. Each search is asked through the REST API and
through the page, in this process: CPU milliseconds, so that other work on the machine does not
count. `--plans` shows the slowest queries of each. Beside them MLflow's own server, asked for a
filter and an order of the same kind over `--peer` runs of the same shape, a tenth as many, by the
CPU time of its processes. With --postgresql all of it once more with the runs on a PostgreSQL
server; the CPU time of its process that answers is counted in.
"""

import argparse
import base64
import itertools
import logging
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import peer_servers
import peers
from instance import again_on_postgresql, backend, instance, stored
from peer_views import SEARCHES as SEARCHES_OF_PEERS
from peer_views import Connection

REPEATS = 9
PARAMS, METRICS, TAGS = 20, 10, 5
PAGE = 50
Insert = Callable[[str, str, Any], None]  # table, names of columns, rows
ANY_OF_THREE = "params.lr < 0.3 OR metrics.metric/3 > 0.8 OR tags = tag-1"
LIKE_PEER = "param and metric"  # what the peer is asked for
ALL_OF_THREE = "params.lr < 0.8 AND metrics.metric/3 > 0.2 AND NOT params.model = vit"
# Name, filter, sort, page from the start (negative: from the end).
SEARCHES = (
    ("newest", "", "created", 0),
    ("by a metric", "", "metrics.metric/0", 0),
    ("by a metric, page 1,000", "", "metrics.metric/0", 50_000),
    ("by a metric, last page", "", "metrics.metric/0", -1),
    ("one in 1,000 by param", "params.lr < 0.001", "metrics.metric/0", 0),
    ("one in 10 by param", "params.lr < 0.1", "metrics.metric/0", 0),
    ("one in 10, last page", "params.lr < 0.1", "metrics.metric/0", -1),
    ("one in 2 by param", "params.lr < 0.5", "metrics.metric/1", 0),
    ("one in 2, last page", "params.lr < 0.5", "metrics.metric/1", -1),
    ("two params", "params.model = resnet AND params.lr < 0.2", "metrics.metric/2", 0),
    ("param and metric", "params.lr < 0.3 AND metrics.metric/3 > 0.5", "metrics.metric/0", 0),
    ("metric's minimum", "metrics.metric/3(min) <= 0.1", "metrics.metric/4(min)", 0),
    ("tag", "tags = tag-3", "metrics.metric/0", 0),
    ("tag or param", "tags = tag-3 OR params.lr > 0.9", "metrics.metric/0", 0),
    ("not a tag", "NOT tags = tag-3", "metrics.metric/0", 0),
    ("status and name", "status = failed AND name ~ run-1", "metrics.metric/0", 0),
    ("any text param", 'params.note ~ "7 of"', "metrics.metric/0", 0),
    ("none found", "params.lr < -1", "metrics.metric/0", 0),
    ("name", "name ~ run-1", "metrics.metric/0", 0),
    ("names, by name", "name ~ run-12", "name", 0),
    ("seeds", "seed IN (1, 2, 3)", "metrics.metric/0", 0),
    ("group", 'group = "" AND params.lr < 0.5', "metrics.metric/0(max)", 0),
    ("dates", "created > 2026-01-01T00:05 AND created < 2026-01-01T00:20", "metrics.metric/0", 0),
    ("param in a list", "params.model IN (vit, mlp)", "metrics.metric/0", -1),
    ("range of a param", "params.lr >= 0.2 AND params.lr <= 0.8", "metrics.metric/1(max)", 0),
    ("range by BETWEEN", "params.lr BETWEEN 0.2 AND 0.8", "metrics.metric/1(max)", 0),
    ("lacking a metric", "metrics.other IS NULL AND params.lr < 0.7", "metrics.metric/1", 0),
    ("having a param", "params.note IS NOT NULL AND tags = tag-3", "metrics.metric/1", 0),
    ("part of a tag", 'tags ~ "ag-3-"', "metrics.metric/0", 0),
    ("any of three", ANY_OF_THREE, "metrics.metric/0", 0),
    ("any of three, last page", ANY_OF_THREE, "metrics.metric/0", -1),
    ("all of three", ALL_OF_THREE, "metrics.metric/9", 0),
    ("by a param", "metrics.metric/5 > 0.4", "params.lr", 500),
)


def fill(path: Path, count: int) -> None:
    """The project "lab/large", written straight into the tables."""
    from tests import factories as make

    lab = make.make_workspace("lab", ada="admin")
    project = make.make_project(lab, "large", main_metric="metric/0").pk
    rng = random.Random(7)
    with _inserting(path) as insert:
        _fill(insert, project, count, rng)


def _fill(insert: Insert, project: int, count: int, rng: random.Random) -> None:
    params: list[tuple[Any, ...]] = []
    series: list[tuple[Any, ...]] = []
    tags: list[tuple[Any, ...]] = []
    runs: list[tuple[Any, ...]] = []
    for number in range(1, count + 1):
        run = f"r{number:015d}"
        runs.append(_run(run, project, number, rng))
        params += _params(run, project, number, rng)
        series += _series(run, project, rng)
        tags += [(run, project, f"tag-{rng.randrange(100)}-{i}", "", "") for i in range(TAGS - 1)]
        tags.append((run, project, f"tag-{number % 10}", "", ""))
        if number % 5_000 == 0 or number == count:
            _write(insert, runs, params, series, tags)
            for rows in (runs, params, series, tags):
                rows.clear()


@contextmanager
def _inserting(path: Path) -> Iterator[Insert]:
    """Writes rows into the instance's database, past everything that checks them."""
    from django.db import connection, transaction

    def copy(table: str, names: str, rows: Any) -> None:
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as stream:
            for row in rows:
                stream.write_row(row)

    def insert(table: str, names: str, rows: Any) -> None:
        places = ", ".join("?" * len(names.split(",")))
        database.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)

    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            yield copy
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as its own housekeeping does soon
        return
    connection.close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-1000000")
    yield insert
    database.commit()
    database.close()


def _run(run: str, project: int, number: int, rng: random.Random) -> tuple[Any, ...]:
    moment = f"2026-01-01 00:{number // 3600 % 60:02d}:{number // 60 % 60:02d}.{number:06d}"
    status = "failed" if number % 20 == 0 else "completed"
    document = '{"lr": 0.1, "layers": [64, 64], "note": "' + "x" * 400 + '"}'
    environment = '{"packages": "' + "p" * 2_000 + '"}'
    return (run, project, f"run-{number}", number, "", number % 10, status, "", document, "{}", "",
            environment, "python train.py", moment, moment, moment)  # fmt: skip


def _params(run: str, project: int, number: int, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    lr = rng.random()
    yield run, project, "lr", repr(lr), lr
    yield run, project, "model", rng.choice(("resnet", "vit", "mlp", "conv4")), None
    yield run, project, "note", f"{number % 100} of 100", None
    for i in range(PARAMS - 3):
        value = rng.randrange(1_000)
        yield run, project, f"group/{i}", str(value), float(value)


def _series(run: str, project: int, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    for i in range(METRICS):
        last = rng.random()
        yield (run, project, f"metric/{i}", 1000, 0, 0, 999, last, "", last / 2, 990, 3.0, 0,
               "2026-01-01 00:00:00")  # fmt: skip


def _hashes(params: Any) -> Iterator[tuple[str, int, int]]:
    """Of rows of params, those of each run together."""
    from experiments.params_hash import hash_of

    for (run, project), rows in itertools.groupby(params, key=lambda row: row[:2]):
        yield run, project, hash_of(row[2:4] for row in rows)


def _write(insert: Insert, runs: Any, params: Any, series: Any, tags: Any) -> None:
    for table, columns, rows in (
        ("run", 'id project_id name number "group" seed status status_reason params summary '
         "notes environment command created_at started_at finished_at", runs),
        ("param", "run_id project_id key text number", params),
        ("paramshash", "run_id project_id value", _hashes(params)),
        ("series", "run_id project_id key count nonfinite first_step last_step last last_is least "
         "least_step most most_step updated_at", series),
        ("runtag", "run_id project_id name value text", tags),
    ):  # fmt: skip
        insert(f"experiments_{table}", ", ".join(columns.split()), rows)


def spent(process: int | None) -> float:
    """CPU seconds of this process so far, and of the database's that answers it."""
    here = time.process_time()
    if process is None:
        return here
    return here + int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def measure(client: Any, url: str) -> list[float]:
    """CPU milliseconds of each try after a first one."""
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code, answer.content[:300])
    times, process = [], backend()
    for _ in range(REPEATS):
        start = spent(process)
        client.get(url)
        times.append((spent(process) - start) * 1000)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--peer", type=int, default=10_000, help="runs of MLflow's; 0: without")
    parser.add_argument("--only", default="", help="searches whose name holds this")
    parser.add_argument("--keep", type=Path, help="a folder whose runs are used again")
    parser.add_argument("--plans", action="store_true", help="show each search's slowest queries")
    parser.add_argument(
        "--postgresql", action="store_true", help="once more on a PostgreSQL server of its own"
    )
    asked = parser.parse_args()
    show(asked)
    if asked.postgresql:
        again = ["--runs", str(asked.runs), "--only", asked.only, "--peer", "0"]
        again_on_postgresql(__file__, again)


def show(asked: argparse.Namespace) -> None:
    """Prints the searches of the database that the environment names."""
    with instance(asked.keep) as data:
        from django.test import Client
        from tables import print_plans

        from tests import factories

        if not _is_filled():
            start = time.perf_counter()
            fill(data / "metascope.sqlite3", asked.runs)
            seconds, used = time.perf_counter() - start, stored(data) / 1e9
            print(f"{asked.runs:,} runs written in {seconds:.0f} s, {used:.2f} GB", flush=True)
        logging.disable(logging.INFO)
        client = Client(SERVER_NAME="localhost")
        client.force_login(factories.make_user("ada"))
        print(f"CPU ms of {REPEATS} tries, median (least to most): REST, page, runs found")
        for name, filters, sort, offset in SEARCHES:
            if asked.only not in name:
                continue
            total = _total(filters)
            if offset < 0:
                offset = max(0, (total - 1) // PAGE * PAGE)
            shown, found = [], [measure(client, url) for url in addresses(filters, sort, offset)]
            for times in found:
                shown.append(
                    f"{statistics.median(times):6.1f} ({min(times):.1f} to {max(times):.1f})"
                )
            print(f"{name:26} {shown[0]:26} {shown[1]:26} {total:,} runs", flush=True)
            if name == LIKE_PEER and asked.peer:
                show_peer(asked.peer, statistics.median(found[0]))
            if asked.plans:
                print_plans(client, addresses(filters, sort, offset)[0])


def show_peer(runs: int, ours: float) -> None:
    """Prints what MLflow's own server takes for such a search, and the ratio to ours over REST."""
    with tempfile.TemporaryDirectory(prefix="metascope-peers-") as work:
        for peer, interpreter in peers.available(["mlflow"]).items():
            folder = Path(work) / peer
            peers.write(peer, "runs", folder, interpreter, runs, 0)
            with peer_servers.serve(peer, interpreter, folder) as (address, pid):
                connection = Connection(address)
                ask = SEARCHES_OF_PEERS[peer]
                ask(connection)
                before = peer_servers.cpu_seconds(pid)
                for _ in range(REPEATS):
                    ask(connection)
                spent_ms = (peer_servers.cpu_seconds(pid) - before) * 1000 / REPEATS
            print(
                f"{peers.version(peer):26} {spent_ms:6.1f}, {spent_ms / ours:.1f} x ours"
                f"{'':20} of {runs:,} runs",
                flush=True,
            )


def addresses(filters: str, sort: str, offset: int) -> tuple[str, str]:
    """The same search over REST, where a cursor says the place, and as a page."""
    cursor = base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")
    asked = {"project": "lab/large", "filter": filters, "sort": sort, "cursor": cursor}
    shown = {"q": filters, "sort": sort, "dir": "asc", "offset": offset}
    return f"/api/v1/runs/?{urlencode(asked)}", f"/p/lab/large/?{urlencode(shown)}"


def _is_filled() -> bool:
    from experiments.models import Run

    return Run.objects.exists()


def _total(filters: str) -> int:
    from experiments import reading
    from experiments.models import Project

    return reading.run_table(Project.objects.get(), filters=filters).total


if __name__ == "__main__":
    main()
