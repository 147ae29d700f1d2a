"""Very many runs in groups of those that are alike, and as CSV.

    .venv/bin/python bench/run_groups.py [--runs 100000] [--keep FOLDER] [--postgresql]

Runs of 20 params, 10 metrics and 5 tags as in `run_search.py`, but ten of each setting, which
differ in the seed. Each grouping is asked for through the REST API and through the page, in this
process: CPU milliseconds. The export is of all runs with ten columns, in seconds, with how much
the process grew by it.
"""

import argparse
import logging
import random
import resource
import statistics
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import run_search
from instance import again_on_postgresql, instance
from run_search import measure

SEEDS = 10
COLUMNS = ["metrics.metric/0", "metrics.metric/1(min)", "metrics.metric/2", "params.model", "seed"]
# Name, what the runs are grouped by, order, filter.
GROUPINGS = (
    ("by a param of 4 values", ["params.model"], "-created", ""),
    ("by a param of 1,000", ["params.group/3"], "metrics.metric/0", ""),
    ("by a param of 10,000", ["params.lr"], "metrics.metric/0", ""),
    ("by two", ["params.model", "seed"], "metrics.metric/0", ""),
    ("but for the seed", ["seedless"], "-created", ""),
    ("but for the seed, by a mean", ["seedless"], "metrics.metric/0", ""),
    ("of one in 10", ["seedless"], "metrics.metric/0", "params.lr < 0.1"),
    ("of one in 1,000", ["seedless"], "metrics.metric/0", "params.lr < 0.001"),
)


def fill(path: Path, count: int) -> None:
    """The project "lab/large": ten runs of each setting, written straight into the tables."""
    from tests import factories as make

    lab = make.make_workspace("lab", ada="admin")
    project = make.make_project(lab, "large", main_metric="metric/0").pk
    rng = random.Random(7)
    with run_search._inserting(path) as insert:
        rows: tuple[list[tuple[Any, ...]], ...] = ([], [], [], [])
        for number in range(1, count + 1):
            run, setting = f"r{number:015d}", (number - 1) // SEEDS
            runs, params, series, tags = rows
            runs.append(run_search._run(run, project, number, rng))
            params += run_search._params(run, project, setting, random.Random(setting))
            params.append((run, project, "seed", str(number % SEEDS), float(number % SEEDS)))
            series += run_search._series(run, project, rng)
            tags += [(run, project, f"tag-{number % 100}-{i}", "", "") for i in range(5)]
            if number % 5_000 == 0 or number == count:
                run_search._write(insert, *rows)
                for some in rows:
                    some.clear()


def addresses(by: list[str], sort: str, filters: str) -> tuple[str, str]:
    asked: list[tuple[str, str]] = [("project", "lab/large"), ("filter", filters), ("sort", sort)]
    asked += [("by", name) for name in by] + [("column", name) for name in COLUMNS]
    shown = [("q", filters), ("group", ",".join(by)), ("sort", sort.removeprefix("-"))]
    shown += [("dir", "desc" if sort.startswith("-") else "asc"), ("col", "status")]
    shown += [("col", name) for name in COLUMNS]
    return f"/api/v1/runs/groups/?{urlencode(asked)}", f"/p/lab/large/?{urlencode(shown)}"


def export(client: Any) -> str:
    """Seconds, megabytes written, and by how much the process grew."""
    names = ["status", "seed", *(f"metrics.metric/{i}" for i in range(5)), "params.lr",
             "params.model", "created"]  # fmt: skip
    query = urlencode([("project", "lab/large"), *(("column", name) for name in names)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, size = time.perf_counter(), 0
    for piece in client.get(f"/api/v1/runs/export/?{query}").streaming_content:
        size += len(piece)
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return f"{seconds:.1f} s, {size / 1e6:.1f} MB, grew by {grown:.0f} MiB"


def show(asked: argparse.Namespace) -> None:
    """Prints the groupings of the database that the environment names."""
    with instance(asked.keep) as data:
        from django.test import Client

        from tests import factories

        if not run_search._is_filled():
            fill(data / "metascope.sqlite3", asked.runs)
        logging.disable(logging.INFO)
        client = Client(SERVER_NAME="localhost")
        client.force_login(factories.make_user("ada"))
        print(f"CPU ms of {run_search.REPEATS} tries, median (least to most): REST, page")
        for name, by, sort, filters in GROUPINGS:
            shown = [measure(client, url) for url in addresses(by, sort, filters)]
            texts = (f"{statistics.median(t):.0f} ({min(t):.0f} to {max(t):.0f})" for t in shown)
            print(f"{name:30} {'   '.join(f'{text:22}' for text in texts)}", flush=True)
        print(f"export of all runs: {export(client)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="a folder whose runs are used again")
    parser.add_argument("--postgresql", action="store_true", help="once more on PostgreSQL")
    asked = parser.parse_args()
    show(asked)
    if asked.postgresql:
        again_on_postgresql(__file__, ["--runs", str(asked.runs)])


if __name__ == "__main__":
    main()
