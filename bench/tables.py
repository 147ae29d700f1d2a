"""The run table and the pages around it, with many runs: CPU time and queries of each page.

    .venv/bin/python bench/tables.py [--runs 5000] [--plans]

Runs have the params of real jobs, an environment of 120 packages and six metrics each. `--plans`
also prints how the database goes about each query.
"""

import argparse
import itertools
import random
import re
import statistics
import time
from collections.abc import Iterator
from typing import Any

from instance import instance

REPEATS = 7
METRICS = ("loss", "train/grad_norm", *(f"validation/query_loss_step_{i}" for i in (0, 1, 5, 10)))
STATUSES = ("completed",) * 22 + ("failed", "cancelled", "queued")
TABLE = "/p/lab/large/"
PAGES = {
    "newest": TABLE,
    "last page": f"{TABLE}?offset={{last}}",
    "500 rows": f"{TABLE}?limit=500",
    "by a metric": f"{TABLE}?sort=metrics.loss&dir=asc",
    "by a metric's minimum": f"{TABLE}?sort=metrics.loss(min)&dir=asc&col=metrics.loss(min)",
    "by a metric, last page": f"{TABLE}?sort=metrics.loss&dir=asc&offset={{last}}",
    "by a param": f"{TABLE}?sort=params.outer.lr",
    "by a text param": f"{TABLE}?sort=params.algorithm",
    "by name": f"{TABLE}?sort=name&dir=asc",
    "by status": f"{TABLE}?sort=status",
    "by duration": f"{TABLE}?sort=duration",
    "one status": f"{TABLE}?status=failed",
    "filter by metric": f"{TABLE}?q=metrics.loss+<+0.2",
    "filter by params": f"{TABLE}?q=params.algorithm+=+maml+AND+params.outer.lr+<+0.01",
    "filter, sort by metric": f"{TABLE}?q=params.outer.lr+<+0.01&sort=metrics.loss",
    "filter by name": f"{TABLE}?q=name+~+maml-s1",
    "filter by tag": f"{TABLE}?q=tags+=+sweep",
    "archived": f"{TABLE}?archived=1",
    "live refresh": TABLE,
    "home": "/",
    "queue": "/queue/",
    "submit": "/jobs/new/",
    "palette": "/palette/?q=maml",
    "compare picker": "/compare/",
}


def fill(count: int) -> None:
    """A project "lab/large", written straight into the tables."""
    from experiments.models import Job, Param, ParamsHash, Run, RunTag, Series
    from tests import factories as make
    from worker.metalearning import specs as engine

    lab = make.make_workspace("lab", ada="admin")
    project = make.make_project(lab, "large", main_metric="loss")
    make.make_worker()
    presets = [preset["spec"] for name in engine.ALGORITHMS for preset in engine.presets(name)]
    environment = {"packages": {f"package-{i}": f"{i}.{i % 7}.{i % 5}" for i in range(120)}}
    rng = random.Random(7)
    runs = [_run(rng, project, number, presets, environment) for number in range(1, count + 1)]
    Run.objects.bulk_create(runs, batch_size=500)
    params = {run: make.param_rows(run) for run in runs}
    Param.objects.bulk_create(itertools.chain(*params.values()), batch_size=2_000)
    ParamsHash.objects.bulk_create(
        ParamsHash(run=run, project=project, value=make.hash_of_rows(rows))
        for run, rows in params.items()
    )
    Series.objects.bulk_create((row for run in runs for row in _series(rng, run)), batch_size=1_000)
    tagged = [RunTag(run=run, project=project, name="sweep") for run in runs[::3]]
    RunTag.objects.bulk_create(tagged, batch_size=1_000)
    jobs = [
        Job(run=run, workspace=lab, trainer=run.params["algorithm"], spec=run.params,
            status=run.status, finished_at=run.finished_at)
        for run in runs
    ]  # fmt: skip
    Job.objects.bulk_create(jobs, batch_size=500)


def _run(rng: random.Random, project: Any, number: int, presets: list[Any], env: Any) -> Any:
    from django.utils import timezone

    from experiments.models import Run

    spec = rng.choice(presets)
    spec = {**spec, "outer": {**spec.get("outer", {}), "lr": 10 ** -rng.randint(1, 4)}}
    status = STATUSES[number % len(STATUSES)]
    started = None if status == "queued" else timezone.now()
    return Run(
        project=project,
        number=number,
        name=f"{spec['algorithm']}-s{number}",
        status=status,
        params=spec,
        environment=env,
        seed=number % 10,
        created_at=timezone.now(),
        started_at=started,
        finished_at=started,
    )


def _series(rng: random.Random, run: Any) -> Iterator[Any]:
    from experiments.models import Series

    if run.status == "queued":
        return
    for key in METRICS:
        last = rng.random()
        yield Series(
            run=run, project_id=run.project_id, key=key, count=1000, first_step=0, last_step=999,
            last=last, least=last / 2, least_step=990, most=3.0, most_step=0,
        )  # fmt: skip


def measure(client: Any, name: str, url: str) -> tuple[list[float], int]:
    """CPU milliseconds of each try after a first one, and the queries of one."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    headers = {"X-Live": "true"} if name == "live refresh" else {}
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(url, headers=headers)
    queries = len(asked.captured_queries)
    assert answer.status_code in (200, 286), (url, answer.status_code)
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        client.get(url, headers=headers)
        times.append((time.process_time() - start) * 1000)
    return times, queries


def slow_queries(client: Any, url: str) -> list[tuple[float, str]]:
    """The three slowest statements of a page, in milliseconds."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        client.get(url)
    found = [(float(one["time"]) * 1000, one["sql"]) for one in asked]
    return sorted(found, reverse=True)[:3]


def print_plans(client: Any, url: str) -> None:
    """The slowest statements of a page and how the database goes about them."""
    from django.db import connection

    for milliseconds, sql in slow_queries(client, url):
        print(
            f"      {milliseconds:6.1f} ms  {re.sub(r'SELECT .* FROM', 'SELECT … FROM', sql)[:230]}"
        )
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
            for row in cursor.fetchall():
                print(f"                 {row[-1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--only", default="", help="pages whose name holds this")
    asked = parser.parse_args()
    with instance():
        from django.test import Client

        from tests import factories

        fill(asked.runs)
        client = Client(SERVER_NAME="localhost")
        client.force_login(factories.make_user("ada"))
        print(f"{asked.runs:,} runs; CPU ms of {REPEATS} tries: median (least to most), queries")
        for name, address in PAGES.items():
            if asked.only not in name:
                continue
            url = address.format(last=max(0, asked.runs - 50))
            times, queries = measure(client, name, url)
            middle, least, most = statistics.median(times), min(times), max(times)
            print(
                f"{name:24} {middle:7.1f} ({least:.1f} to {most:.1f}) {queries:4} queries",
                flush=True,
            )
            if asked.plans:
                print_plans(client, url)


if __name__ == "__main__":
    main()
