"""The same data for every tracker: curves with one spike each, and runs of a large table.

    PYTHON bench/peer_data.py TRACKER points FOLDER --runs 50 --points 10000
    PYTHON bench/peer_data.py TRACKER runs FOLDER --runs 1000

PYTHON is the interpreter of the tracker's environment (`peers.py`). What a tracker writes itself,
its own code writes; MLflow, whose own way takes minutes, gets the rows that it would write.
"""

import argparse
import random
import sqlite3
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

KEY, PROJECT = "train/loss", "bench"
SPIKE = 1000.0
FIRST_S = 1.8e9
PARAMS, METRICS, TAGS = 20, 10, 5
MODELS = ("resnet", "vit", "mlp", "conv4")
# Filter and sort of the table: one param by text, one metric by number, sorted by another.
MODEL, LEAST = "resnet", 0.5
FILTERED, SORTED = "metric/3", "metric/0"


def curve(run: int, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, times and values: noise around a falling line, and one value far outside."""
    rng = np.random.default_rng(run)
    steps = np.arange(points)
    times = FIRST_S + steps * 0.01 + rng.uniform(0, 0.001, points)
    values = np.exp(-steps / points * 3) + rng.normal(0, 0.05, points)
    values[rng.integers(points // 10, points - points // 10)] = SPIKE
    return steps, times, values


def described(runs: int) -> Iterator[tuple[dict[str, Any], dict[str, float], list[str]]]:
    """Params, last values of metrics and tags of each run."""
    rng = random.Random(7)
    for number in range(runs):
        params: dict[str, Any] = {"lr": rng.random(), "model": rng.choice(MODELS)}
        params["note"] = f"{number % 100} of 100"
        params |= {f"group/{i}": rng.randrange(1_000) for i in range(PARAMS - 3)}
        metrics = {f"metric/{i}": rng.random() for i in range(METRICS)}
        tags = [f"tag-{rng.randrange(100)}-{i}" for i in range(TAGS - 1)]
        yield params, metrics, [*tags, f"tag-{number % 10}"]


def trackio_points(folder: Path, runs: int, points: int) -> None:
    """By its server's own function."""
    from trackio.sqlite_storage import SQLiteStorage

    for run in range(runs):
        steps, times, values = (part.tolist() for part in curve(run, points))
        SQLiteStorage.bulk_log(
            project=PROJECT,
            run=f"run-{run}",
            run_id=uuid.uuid4().hex,
            metrics_list=[{KEY: value} for value in values],
            steps=steps,
            timestamps=[datetime.fromtimestamp(one, UTC).isoformat() for one in times],
            log_ids=[uuid.uuid4().hex for _ in steps],
        )


def trackio_runs(folder: Path, runs: int, points: int) -> None:
    from trackio.sqlite_storage import SQLiteStorage

    for number, (params, metrics, _) in enumerate(described(runs)):
        SQLiteStorage.bulk_log(
            project=PROJECT, run=f"run-{number}", run_id=uuid.uuid4().hex, config=params,
            metrics_list=[metrics], steps=[999], log_ids=[uuid.uuid4().hex],
        )  # fmt: skip


def tensorboard_points(folder: Path, runs: int, points: int) -> None:
    """Events as its writer packs them, without its queue."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for run in range(runs):
        writer = EventFileWriter(str(folder / f"run-{run}"))
        records = writer._async_writer._writer
        for step, moment, value in zip(
            *(part.tolist() for part in curve(run, points)), strict=True
        ):
            summary = Summary(value=[Summary.Value(tag=KEY, simple_value=value)])
            event = Event(step=step, wall_time=moment, summary=summary)
            records.write(event.SerializeToString())
        writer.close()


def tensorboard_runs(folder: Path, runs: int, points: int) -> None:
    """As `add_hparams` has it."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for number, (params, metrics, _) in enumerate(described(runs)):
            writer.add_hparams(params, metrics, run_name=f"run-{number}", global_step=999)


def mlflow_points(folder: Path, runs: int, points: int) -> None:
    database = mlflow_database(folder, runs)
    for run in range(runs):
        run_id = mlflow_id(run)
        steps, times, values = curve(run, points)
        moments = (times * 1000).astype(np.int64).tolist()
        rows = [
            (KEY, value, moment, run_id, step, 0)
            for step, moment, value in zip(steps.tolist(), moments, values.tolist(), strict=True)
        ]
        database.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        mlflow_latest(database, rows[-1:])
    finish(database)


def mlflow_runs(folder: Path, runs: int, points: int) -> None:
    database = mlflow_database(folder, runs)
    for number, (params, metrics, tags) in enumerate(described(runs)):
        run_id = mlflow_id(number)
        mlflow_latest(
            database,
            [(key, value, int(FIRST_S * 1000), run_id, 999, 0) for key, value in metrics.items()],
        )
        for table, pairs in (("params", params.items()), ("tags", ((tag, "") for tag in tags))):
            database.executemany(
                f"INSERT INTO {table} (key, value, run_uuid) VALUES (?, ?, ?)",
                [(key, str(value), run_id) for key, value in pairs],
            )
    finish(database)


def mlflow_database(folder: Path, runs: int) -> sqlite3.Connection:
    """Its tables, made by itself, with copies of a run that it made."""
    import mlflow

    path = folder / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    client = mlflow.MlflowClient()
    client.create_run(client.create_experiment(PROJECT), run_name="run-0")
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=OFF")
    for table in ("runs", "tags"):
        asked = database.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in asked.description]
        made = dict(zip(names, asked.fetchone(), strict=True))
        where = [mlflow_id(number) for number in range(runs)]
        database.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [list({**made, "run_uuid": run_id}.values()) for run_id in where],
        )
        database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", [made["run_uuid"]])
    return database


def mlflow_id(run: int) -> str:
    return f"{run:032x}"


def mlflow_latest(database: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    database.executemany(
        "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )


def finish(database: sqlite3.Connection) -> None:
    database.commit()
    database.close()


WRITERS = {
    ("trackio", "points"): trackio_points,
    ("trackio", "runs"): trackio_runs,
    ("tensorboard", "points"): tensorboard_points,
    ("tensorboard", "runs"): tensorboard_runs,
    ("mlflow", "points"): mlflow_points,
    ("mlflow", "runs"): mlflow_runs,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tracker")
    parser.add_argument("kind", choices=("points", "runs"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--points", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    WRITERS[asked.tracker, asked.kind](asked.folder, asked.runs, asked.points)
    print(f"{asked.tracker}: written in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
