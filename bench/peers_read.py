"""The chart of 50 runs and the run table, as other trackers' own servers answer their own pages.

    .venv/bin/python bench/peers_read.py [--runs 50] [--points 10000] [--table 10000]
                                         [--small-table 1000] [--peers mlflow trackio ...]

The same points (`peer_data.py`: one metric, one value far outside in every run) and runs (20
params, 10 metrics, 5 tags) in each. Asked is what the tracker's page asks for, over HTTP, with
gzip where the server has it; of ours what scripts ask for (`GET /api/v1/series/`, 1,000 buckets)
and of the table also the page, with one process of the web server. TensorBoard and trackio take
`--small-table` runs: they start or answer too slowly with more.

Cold: the first answer of a new server that has all points, the files dropped from the system's
cache. Warm: the following ones, the trackers in turns. Wall time at the client until the last
byte; CPU time of the server's processes beside it; the ratio is of the warm medians. A spike is
kept when the answer has the one value far outside.
"""

import argparse
import json
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import peer_data as data
import peer_servers
import peers
from ingest_http import server
from instance import instance, size
from peer_views import (
    CURVES,
    OURS,
    SEARCHES,
    Connection,
    draw_mlflow,
    draw_tensorboard,
    draw_trackio,
)
from run_search import fill as fill_table

WARM = 9
READ = ["mlflow", "trackio", "tensorboard"]


@dataclass(frozen=True)
class View:
    """What a tracker's page asks for, and whether its answer is whole."""

    name: str
    serve: Callable[[], AbstractContextManager[tuple[str, int]]]
    forget: Callable[[], None]
    draw: Callable[[Connection], bytes]
    headers: dict[str, str] = field(default_factory=dict)
    is_whole: Callable[[bytes], bool] = bool
    note: Callable[[bytes], str] = lambda answer: ""


@dataclass
class Taken:
    """What a view took, in milliseconds."""

    cold: float
    warm: list[float] = field(default_factory=list)
    cpu: float = 0
    came: int = 0
    answer: bytes = b""


def measure(views: list[View]) -> dict[str, Taken]:
    """All of them, cold one by one, then warm in turns."""
    taken = {}
    with ExitStack() as stack:
        running = []
        for view in views:
            view.forget()
            address, pid = stack.enter_context(view.serve())
            connection = Connection(address, view.headers)
            taken[view.name] = Taken(first_whole(view, connection))
            running.append((view, connection, pid))
        for _ in range(WARM):
            for view, connection, pid in running:
                one = taken[view.name]
                connection.came, before = 0, peer_servers.cpu_seconds(pid)
                start = time.perf_counter()
                one.answer = view.draw(connection)
                one.warm.append((time.perf_counter() - start) * 1000)
                one.cpu += (peer_servers.cpu_seconds(pid) - before) * 1000 / WARM
                one.came = connection.came
    return taken


def first_whole(view: View, connection: Connection) -> float:
    """Milliseconds until an answer has everything."""
    start = time.perf_counter()
    while not view.is_whole(view.draw(connection)):
        time.sleep(0.02)
    return (time.perf_counter() - start) * 1000


def report(views: list[View], ours: str) -> None:
    """A line for each."""
    taken = measure(views)
    base = statistics.median(taken[ours].warm)
    for view in views:
        one = taken[view.name]
        middle = statistics.median(one.warm)
        print(
            f"{view.name:32} cold {one.cold:8.0f} ms, warm {middle:8.1f} "
            f"({min(one.warm):.1f} to {max(one.warm):.1f}) ms, server's CPU {one.cpu:7.1f} ms, "
            f"{one.came / 1e6:6.2f} MB, {middle / base:7.1f} x ours{view.note(one.answer)}",
            flush=True,
        )


def peer_view(peer: str, folder: Path, interpreter: Path, **asked: Any) -> View:
    """Of a peer whose data lie in the folder."""

    @contextmanager
    def serve() -> Iterator[tuple[str, int]]:
        with peer_servers.serve(peer, interpreter, folder) as found:
            yield found

    return View(peers.version(peer), serve, lambda: peer_servers.forget(folder), **asked)


@contextmanager
def ours() -> Iterator[tuple[str, int]]:
    with server("config.wsgi:application", {}) as found:
        address, _ = found
        Connection(address).ask("GET", "/sign-in/")  # it is up; it has read no point
        yield found


def our_points(runs: int, points: int) -> list[str]:
    """The same curves, folded; the ids of their runs."""
    from experiments import folding, recording
    from experiments.shapes import SeriesPoints
    from tests import factories

    project = factories.make_project(factories.make_workspace("points", ada="admin"), "charts")
    ids = [factories.make_run(project).pk for _ in range(runs)]
    for number, run_id in enumerate(ids):
        series = [SeriesPoints(data.KEY, *data.curve(number, points))]
        recording.record(run_id=run_id, client="bench", number=0, series=series)
        folding.fold_run(run_id)
    return ids


def charts(
    work: Path, kept: Path, found: dict[str, Path], runs: int, points: int, token: str
) -> None:
    """Prints the chart of all runs."""
    database = kept / "metascope.sqlite3"
    empty = size(database)
    ids = our_points(runs, points)
    used = {OURS: size(database) - empty}

    def kept_spikes(name: str) -> Callable[[bytes], str]:
        def note(answer: bytes) -> str:
            spikes = sum(most >= data.SPIKE for most, _ in CURVES[name](answer))
            return f", {spikes} of {runs} spikes, {used[name] / runs / points:.1f} B a point"

        return note

    def is_whole(name: str) -> Callable[[bytes], bool]:
        def whole(answer: bytes) -> bool:
            curves = CURVES[name](answer)
            return len(curves) == runs and all(last == points - 1 for _, last in curves)

        return whole

    path = f"/api/v1/series/?runs={','.join(ids)}&keys={data.KEY}&width=1000"
    views = [
        View(
            OURS, ours, lambda: peer_servers.forget(kept),
            lambda connection: connection.ask("GET", path),
            {"Authorization": f"Bearer {token}"}, note=kept_spikes(OURS),
        )
    ]  # fmt: skip
    mlflow_ids = [data.mlflow_id(run) for run in range(runs)]
    draws: dict[str, Callable[[Connection], bytes]] = {
        "trackio": draw_trackio,
        "mlflow": lambda connection: draw_mlflow(connection, mlflow_ids),
        "tensorboard": draw_tensorboard,
    }
    for peer, interpreter in found.items():
        folder = work / f"{peer}-points"
        peers.write(peer, "points", folder, interpreter, runs, points)
        used[peer] = peer_servers.used(folder)
        whole = is_whole(peer) if peer == "tensorboard" else bool
        asked = {"draw": draws[peer], "note": kept_spikes(peer), "is_whole": whole}
        views.append(peer_view(peer, folder, interpreter, **asked))
    print(f"\nchart of {runs} runs x {points:,} points, {WARM} warm reads of each in turns")
    report(views, OURS)


def tables(
    work: Path, kept: Path, found: dict[str, Path], table: int, small: int, token: str
) -> None:
    """Prints a page of the filtered and sorted run table."""
    from django.conf import settings
    from django.test import Client

    from tests import factories

    fill_table(kept / "metascope.sqlite3", table)
    client = Client()
    client.force_login(factories.make_user("ada"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    where = f"params.model = {data.MODEL} AND metrics.{data.FILTERED} > {data.LEAST}"
    sort = quote(f"metrics.{data.SORTED}")
    rest = f"/api/v1/runs/?project=lab/large&filter={quote(where)}&sort={sort}"
    page = f"/p/lab/large/?q={quote(where)}&sort={sort}&dir=asc"

    def forget() -> None:
        peer_servers.forget(kept)

    ours_rest = f"{OURS}, {table:,} runs"
    views = [
        View(ours_rest, ours, forget, lambda connection: connection.ask("GET", rest),
             {"Authorization": f"Bearer {token}"}),
        View(f"{OURS} as page, {table:,} runs", ours, forget,
             lambda connection: connection.ask("GET", page),
             {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}),
    ]  # fmt: skip
    for peer, interpreter in found.items():
        folder = work / f"{peer}-runs"
        count = table if peer == "mlflow" else small
        peers.write(peer, "runs", folder, interpreter, count, 0)
        whole: Callable[[bytes], bool] = bool
        if peer == "tensorboard":
            whole = has_all_runs(count)
        view = peer_view(peer, folder, interpreter, draw=SEARCHES[peer], is_whole=whole)
        views.append(View(**{**vars(view), "name": f"{view.name}, {count:,} runs"}))
    print(f"\nrun table, {where}, by {data.SORTED}; {WARM} warm reads of each in turns")
    report(views, ours_rest)


def has_all_runs(runs: int) -> Callable[[bytes], bool]:
    """Whether TensorBoard has loaded every run that the filter lets through."""
    wanted = sum(
        params["model"] == data.MODEL and metrics[data.FILTERED] >= data.LEAST
        for params, metrics, _ in data.described(runs)
    )
    return lambda answer: int(json.loads(answer).get("totalSize", 0)) >= wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--table", type=int, default=10_000)
    parser.add_argument("--small-table", type=int, default=1_000)
    parser.add_argument("--peers", nargs="*", default=READ, choices=READ)
    parser.add_argument("--only", choices=("charts", "tables"))
    asked = parser.parse_args()
    found = peers.available(asked.peers)
    os.environ["METASCOPE_SECRET_KEY"] = secrets.token_hex(32)  # one for the session and the server
    with tempfile.TemporaryDirectory(prefix="metascope-peers-") as work, instance() as kept:
        from experiments import access
        from experiments.models import Role
        from tests import factories

        factories.make_workspace("lab", ada=Role.ADMIN)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        place = Path(work)
        if asked.only != "tables":
            charts(place, kept, found, asked.runs, asked.points, token)
        if asked.only != "charts":
            tables(place, kept, found, asked.table, asked.small_table, token)


if __name__ == "__main__":
    main()
