"""Reading a chart: ours against one SQL row per point, in the same run.

    .venv/bin/python bench/charts.py [--runs 50] [--points 10000] [--width 1000]

Both read every point of one metric of all runs into `width` buckets with min, max and mean.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from instance import instance, row_database, size

KEY = "train/loss"
REPEATS = 7


def median_ms(read: Callable[[], Any]) -> float:
    """CPU milliseconds of REPEATS reads after a first one: what else runs here does not count."""
    read()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        read()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1000


def values(run: int, points: int) -> np.ndarray:
    """A noisy falling curve."""
    noise = np.random.default_rng(run).normal(0, 0.05, points)
    return np.exp(-np.arange(points) / points * 3) + noise


def fill(ids: list[str], rows: Any, points: int) -> None:
    """The same points into both stores, ours folded."""
    from experiments import folding, recording
    from experiments.shapes import SeriesPoints

    steps = np.arange(points)
    times = 1.8e9 + steps * 0.01 + np.random.default_rng(0).uniform(0, 0.001, points)
    for run, run_id in enumerate(ids):
        column = values(run, points)
        for number, start in enumerate(range(0, points, 50_000)):
            part = slice(start, start + 50_000)
            series = [SeriesPoints(KEY, steps[part], times[part], column[part])]
            recording.record(run_id=run_id, client="bench", number=number, series=series)
        folding.fold_run(run_id)
        rows.execute("BEGIN")
        rows.executemany(
            "INSERT INTO point VALUES (?, ?, ?, ?, ?)",
            zip(
                [run] * points,
                [KEY] * points,
                steps.tolist(),
                times.tolist(),
                column.tolist(),
                strict=True,
            ),
        )
        rows.execute("COMMIT")


def read_rows(rows: Any, runs: int, width: int) -> list[tuple[Any, ...]]:
    """The buckets of all runs, computed by the database from one row per point."""
    query = (
        "SELECT MIN(value), MAX(value), AVG(value), MAX(step) FROM point WHERE run = ? AND key = ? "
        "GROUP BY step * ? / (SELECT MAX(step) + 1 FROM point WHERE run = ? AND key = ?)"
    )
    return [rows.execute(query, (run, KEY, width, run, KEY)).fetchall() for run in range(runs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=1_000)
    asked = parser.parse_args()
    with instance() as data:
        from experiments import reading
        from tests import factories

        project = factories.make_project()
        ids = [factories.make_run(project).id for _ in range(asked.runs)]
        rows = row_database(data / "rows.sqlite3")
        empty = size(data / "metascope.sqlite3")
        fill(ids, rows, asked.points)
        ours = median_ms(lambda: reading.series(ids, [KEY], width=asked.width))
        theirs = median_ms(lambda: read_rows(rows, asked.runs, asked.width))
        total = asked.runs * asked.points
        used = (size(data / "metascope.sqlite3") - empty) / total
        print(f"{asked.runs} runs x {asked.points} points into {asked.width} buckets")
        used_by_rows = size(data / "rows.sqlite3") / total
        print(f"one row per point: {theirs:8.1f} ms {used_by_rows:6.1f} B/point")
        print(f"metascope:         {ours:8.1f} ms {used:6.1f} B/point")
        print(f"ratio:             {theirs / ours:8.1f} times as fast")


if __name__ == "__main__":
    main()
