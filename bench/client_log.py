"""The caller's cost of `log`: the client with its spool on, against one buffered line of JSON.

    .venv/bin/python bench/client_log.py [--calls 20000] [--repeats 7] [--against FOLDER]
                                         [--long 2000000]

Ten scalars a call; Python's floats, NumPy's and torch's. CPU time of the calling thread, a scalar;
the median of the repeats, and their range. `--against` measures another checkout's client (its
`client` folder), in turns in the same run, and prints the ratio.

Then `--long` calls in one process, without a pause, with the server away and with one that answers
(gunicorn, as `./run` starts it): wall time of single calls, and how much memory the process needed
at most beyond what it had before `import metascope`, code, console and machine recorded. 0 leaves
that out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

import numpy as np
import torch
from ingest_http import server
from instance import instance

SCALARS = 10
OURS = Path(__file__).resolve().parent.parent / "client"
KINDS = {"float": float, "numpy": np.float32, "torch": torch.tensor}
BOUNDS = {"float": 0.5, "numpy": 1.5, "torch": 1.5}  # microseconds a scalar
MOST_P99_MS, MOST_MB = 0.1, 64
AWAY = "http://127.0.0.1:9"
Costs = dict[str, float]


def rows(kind: str) -> list[dict[str, object]]:
    """Some rows of ten values of one kind."""
    make = KINDS[kind]
    return [{f"train/m{at}": make(at + 0.5) for at in range(SCALARS)} for _ in range(100)]


def of_client(calls: int) -> Costs:
    """Microseconds a scalar of this process's client."""
    import metascope

    found = {}
    with metascope.start("bench", console=False, code=False, system=False) as run:
        for kind in KINDS:
            found[kind] = timed(rows(kind), calls, lambda row, step: run.log(row, step=step))
    return found


def of_json(calls: int) -> Costs:
    """The same of a line of JSON in a buffered file, which a crash loses."""
    found = {}
    with tempfile.TemporaryFile("w") as file:
        for kind in KINDS:

            def write(row: dict[str, object], step: int) -> None:
                values = {key: float(value) for key, value in row.items()}  # type: ignore[arg-type]
                file.write(json.dumps({"step": step, "time": time.time(), **values}) + "\n")

            found[kind] = timed(rows(kind), calls, write)
    return found


def timed(some: list[dict[str, object]], calls: int, log) -> float:
    """Microseconds a scalar, warmed up."""
    for step in range(100):
        log(some[step], step)
    began = time.thread_time()
    for step in range(calls):
        log(some[step % 100], step)
    return (time.thread_time() - began) / calls / SCALARS * 1e6


def of_single_calls(calls: int) -> Costs:
    """Milliseconds of calls one by one, and megabytes of memory, of this process's client."""
    some = rows("float")
    taken = array("q", bytes(8 * calls))
    before = memory_mb("VmRSS")
    import metascope

    clock = time.perf_counter_ns
    with metascope.start("bench") as run:
        for step in range(calls):
            row = some[step % 100]
            began = clock()
            run.log(row, step=step)
            taken[step] = clock() - began
    grown = memory_mb("VmHWM") - before
    assert run.lost == 0
    p50, p99, p999 = np.percentile(np.frombuffer(taken, np.int64), (50, 99, 99.9)) / 1e6
    return {"p50": p50, "p99": p99, "p99.9": p999, "max": max(taken) / 1e6, "grown": grown}


def memory_mb(name: str) -> float:
    """Of this process, as the kernel counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(found.split()[1]) / 1024


def fresh(one: str, calls: int, **variables: str) -> Costs:
    """Measured in a process of its own: `one` is "json", "single" or a client's folder."""
    with tempfile.TemporaryDirectory() as spool:
        done = subprocess.run(
            [sys.executable, __file__, "--calls", str(calls), "--one", one],
            env={**os.environ, "METASCOPE_SPOOL": spool, **variables},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    costs: Costs = json.loads(done.stdout.splitlines()[-1])
    return costs


def measure(one: str, calls: int) -> Costs:
    """In this process."""
    if one == "json":
        return of_json(calls)
    sys.path.insert(0, str(OURS) if one == "single" else one)
    return of_single_calls(calls) if one == "single" else of_client(calls)


def compare(given: argparse.Namespace) -> None:
    """A line for each kind of scalar."""
    peers = {"ours": str(OURS), "json": "json"}
    if given.against:
        peers["other"] = str(given.against / "client")
    taken = [
        {name: fresh(one, given.calls, METASCOPE_MODE="offline") for name, one in peers.items()}
        for _ in range(given.repeats)
    ]
    for kind in KINDS:
        parts = []
        for name in peers:
            costs = [one[name][kind] for one in taken]
            low, high = min(costs), max(costs)
            parts.append(f"{name} {statistics.median(costs):.2f} ({low:.2f} to {high:.2f})")
        for name in list(peers)[1:]:
            ratios = [one["ours"][kind] / one[name][kind] for one in taken]
            parts.append(f"ours/{name} {statistics.median(ratios):.2f}")
        print(f"{kind}: us a scalar, bound {BOUNDS[kind]}: {'; '.join(parts)}", flush=True)


def one_by_one(calls: int) -> None:
    """A line for a server that is away, and one for a server that answers."""
    show("away", calls, fresh("single", calls, METASCOPE_URL=AWAY, METASCOPE_EXIT_WAIT_S="1"))
    with instance():
        from experiments import access
        from experiments.models import Role, Series
        from tests import factories

        factories.make_workspace("lab", ada=Role.MEMBER)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        with server("config.wsgi:application", {}) as (address, _):
            there = {"METASCOPE_TOKEN": token, "METASCOPE_EXIT_WAIT_S": "600"}
            found = fresh("single", calls, METASCOPE_URL=address, **there)
        counts = Series.objects.filter(key__startswith="train/").values_list("count", flat=True)
        assert list(counts) == [calls] * SCALARS, counts
    show("answering", calls, found)


def show(name: str, calls: int, found: Costs) -> None:
    parts = ", ".join(f"{key} {found[key]:.3f}" for key in ("p50", "p99", "p99.9", "max"))
    print(
        f"server {name}, {calls:,} calls: ms a call: {parts} (bound of p99 {MOST_P99_MS}); memory "
        f"grew by {found['grown']:.0f} MB at most (bound {MOST_MB})",
        flush=True,
    )


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--long", type=int, default=2_000_000)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.calls)))
        return
    if given.repeats:
        compare(given)
    if given.long:
        one_by_one(given.long)


if __name__ == "__main__":
    main()
