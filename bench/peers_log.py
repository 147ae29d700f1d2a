"""What logging ten scalars costs the script: ours with its spool on, and other trackers.

    .venv/bin/python bench/peers_log.py [--repeats 5] [--seconds 2] [--peers trackio wandb ...]

Every tracker runs in a fresh process of its own environment (`peers.py`), as its manual has a local
script do it, one after the other and all of that once more for each repeat. Printed are
microseconds a scalar, CPU time of the calling thread and wall time of the loop: medians of the
repeats, their range, and the median of each repeat's ratio to ours.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peers

SCALARS, WARM, CHUNK = 10, 50, 10
CLIENT = Path(__file__).resolve().parent.parent / "client"
KINDS = {"float": float, "numpy": np.float32}
OURS = "metascope"
Log = Callable[[dict[str, Any], int], object]


def metascope_log(folder: str) -> Log:
    """Offline: the spool is on, as ever; nothing is sent."""
    os.environ.update(METASCOPE_MODE="offline", METASCOPE_SPOOL=folder)
    sys.path.insert(0, str(CLIENT))
    import metascope

    run = metascope.start("bench", console=False, code=False, system=False)
    return lambda row, step: run.log(row, step=step)


def trackio_log(folder: str) -> Log:
    """Into its local database; its own thread writes."""
    os.environ.update(TRACKIO_DIR=folder, HF_HUB_OFFLINE="1")
    import trackio

    trackio.init(project="bench", auto_log_gpu=False, auto_log_cpu=False, embed=False)
    return lambda row, step: trackio.log(row, step=step)


def wandb_log(folder: str) -> Log:
    """Offline."""
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=folder)
    import wandb

    settings = wandb.Settings(console="off", x_disable_stats=True)
    run = wandb.init(project="bench", settings=settings)
    return lambda row, step: run.log(row, step=step)


def torch_log(folder: str) -> Log:
    """PyTorch's SummaryWriter, one call a scalar: it has none for many."""
    from torch.utils.tensorboard import SummaryWriter

    return scalar_by_scalar(SummaryWriter(folder))


def tensorboardx_log(folder: str) -> Log:
    """tensorboardX's."""
    from tensorboardX import SummaryWriter

    return scalar_by_scalar(SummaryWriter(folder))


def scalar_by_scalar(writer: Any) -> Log:
    def log(row: dict[str, Any], step: int) -> None:
        for key, value in row.items():
            writer.add_scalar(key, value, step)

    return log


def mlflow_log(folder: str) -> Log:
    """`log_metrics` into an SQLite file."""
    import mlflow

    start_mlflow(mlflow, folder)
    return lambda row, step: mlflow.log_metrics(row, step=step)


def mlflow_async_log(folder: str) -> Log:
    """The same without waiting."""
    import mlflow

    start_mlflow(mlflow, folder)
    return lambda row, step: mlflow.log_metrics(row, step=step, synchronous=False)


def start_mlflow(mlflow: Any, folder: str) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.start_run()


def aim_log(folder: str) -> Log:
    """Into a local repository."""
    import aim

    run = aim.Run(repo=folder, system_tracking_interval=None, capture_terminal_logs=False)
    return lambda row, step: run.track(row, step=step)


# Name, environment, how to log.
TRACKERS: dict[str, tuple[str, Callable[[str], Log]]] = {
    OURS: ("", metascope_log),
    "trackio": ("trackio", trackio_log),
    "wandb offline": ("wandb", wandb_log),
    "torch SummaryWriter": ("tensorboard", torch_log),
    "tensorboardX": ("tensorboard", tensorboardx_log),
    "mlflow": ("mlflow", mlflow_log),
    "mlflow, async": ("mlflow", mlflow_async_log),
    "aim": ("aim", aim_log),
}


def timed(log: Log, kind: str, first: int, calls: int, seconds: float) -> dict[str, float]:
    """Microseconds a scalar of `calls` calls, or as many as fit into the seconds."""
    make = KINDS[kind]
    rows = [{f"train/m{at}": make(at + 0.5) for at in range(SCALARS)} for _ in range(CHUNK)]
    for at in range(WARM):
        log(rows[at % CHUNK], first + at)
    done, wall, cpu = 0, time.perf_counter(), time.thread_time()
    while done < calls and time.perf_counter() - wall < seconds:
        for row in rows:
            log(row, first + WARM + done)
            done += 1
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    return {kind: cpu / done / SCALARS * 1e6, f"{kind}, wall": wall / done / SCALARS * 1e6}


def measure_here(tracker: str, calls: int, seconds: float) -> None:
    """Prints this process's figures; what waits to be written is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        log = TRACKERS[tracker][1](folder)
        found: dict[str, float] = {}
        for number, kind in enumerate(KINDS):
            found |= timed(log, kind, number * (calls + WARM), calls, seconds)
        print("\n" + json.dumps(found), flush=True)
        os._exit(0)


def fresh(tracker: str, interpreter: str, calls: int, seconds: float) -> dict[str, float]:
    """Measured in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [interpreter, __file__, "--one", tracker,
             "--calls", str(calls), "--seconds", str(seconds)],
            env={**os.environ, "HOME": folder, "TMPDIR": folder}, cwd=folder,
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"{tracker} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(figures: list[float]) -> str:
    return f"{statistics.median(figures):8.2f} ({min(figures):.2f} to {max(figures):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="at most, a kind of scalar")
    parser.add_argument("--seconds", type=float, default=2, help="at most, a kind of scalar")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", nargs="*", default=list(peers.requirements()))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        measure_here(asked.one, asked.calls, asked.seconds)
    found = {name: str(place) for name, place in peers.available(asked.peers).items()}
    found[""] = sys.executable
    trackers = {name: found[place] for name, (place, _) in TRACKERS.items() if place in found}
    taken = [
        {
            name: fresh(name, interpreter, asked.calls, asked.seconds)
            for name, interpreter in trackers.items()
        }
        for _ in range(asked.repeats)
    ]
    print("versions: " + ", ".join(peers.version(name) for name in found if name))
    for kind in (f"{kind}{clock}" for kind in KINDS for clock in ("", ", wall")):
        print(f"\n{kind}: microseconds a scalar, {asked.repeats} repeats")
        for name in trackers:
            ratio = statistics.median(one[name][kind] / one[OURS][kind] for one in taken)
            print(f"{name:20} {spread([one[name][kind] for one in taken]):32} {ratio:8.1f} x ours")


if __name__ == "__main__":
    main()
