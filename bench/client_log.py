"""The caller's cost of `log`: the client with its spool on, against one buffered line of JSON.

    .venv/bin/python bench/client_log.py [--calls 20000] [--repeats 7] [--against FOLDER]

Ten scalars a call; Python's floats, NumPy's and torch's. CPU time of the calling thread, a scalar;
the median of the repeats, and their range. `--against` measures another checkout's client (its
`client` folder), in turns in the same run, and prints the ratio.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

SCALARS = 10
OURS = Path(__file__).resolve().parent.parent / "client"
KINDS = {"float": float, "numpy": np.float32, "torch": torch.tensor}
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


def fresh(client: Path | None, calls: int) -> Costs:
    """Measured in a process of its own: `client` None is JSON."""
    with tempfile.TemporaryDirectory() as spool:
        done = subprocess.run(
            [sys.executable, __file__, "--calls", str(calls), "--one", str(client or "json")],
            env={**os.environ, "METASCOPE_MODE": "offline", "METASCOPE_SPOOL": spool},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    costs: Costs = json.loads(done.stdout.splitlines()[-1])
    return costs


def main() -> None:
    """Print a line for each kind of scalar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        if given.one != "json":
            sys.path.insert(0, given.one)
        costs = of_json(given.calls) if given.one == "json" else of_client(given.calls)
        print(json.dumps(costs))
        return
    peers: dict[str, Path | None] = {"ours": OURS, "json": None}
    if given.against:
        peers["other"] = given.against / "client"
    taken = [
        {name: fresh(client, given.calls) for name, client in peers.items()}
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
        print(f"{kind}: us a scalar: {'; '.join(parts)}")


if __name__ == "__main__":
    main()
