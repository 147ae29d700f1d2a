"""Fills a data folder for eyes and for slow tests: `python -m tests.dashboard.seed` on a migrated
database. One project with 30 runs of every kind, one with 1,000, a user "ada" and "viewer"."""

import math
import os
import random
import sys

import numpy as np


def _setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def curve(rng: random.Random, points: int, floor: float) -> np.ndarray:
    """A loss that falls from about 3 to `floor`."""
    steps = np.arange(points)
    noise = np.array([rng.gauss(0, 0.02) for _ in range(points)])
    return floor + 3 * np.exp(-steps / (points / 6)) + noise


def fill(*, small: int = 30, large: int = 1000, points: int = 2000) -> None:
    """Two projects in workspace "lab"; deterministic."""
    from experiments import recording, snapshots
    from experiments.shapes import SeriesPoints
    from tests import factories as make

    rng = random.Random(7)
    lab = make.make_workspace("lab", ada="admin", vera="viewer")
    worker = make.make_worker("box/1")
    make.make_worker("box/2", heartbeat_at="2026-01-01T00:00:00Z")
    project = make.make_project(
        lab,
        "sinusoid",
        description="How far does one gradient step get on unseen sines?",
        main_metric="validation/query_loss_step_1",
    )
    make.make_project(lab, "empty", description="How many strokes make a character hard?")
    snapshot = snapshots.store(
        workspace=lab,
        files={
            "worker/metalearning/maml.py": b"def step(x: int) -> int:\n    return x + 1\n",
            "README.md": b"# Read me\n",
        },
        git_commit="9f3ac1e" * 5,
        git_branch="main",
        patch=b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n",
    )
    environment = {
        "python": "3.11.9",
        "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
        "host": {"name": "box", "cpus": 2},
    }
    algorithms = ("maml", "fomaml", "reptile", "pretrained", "oracle")
    for number in range(small):
        algorithm = algorithms[number % len(algorithms)]
        status = {27: "queued", 28: "running", 29: "running", 11: "failed", 7: "cancelled"}.get(
            number, "completed"
        )
        params = {
            "algorithm": algorithm,
            "episodes": {"source": "sinusoid", "shot": 10},
            "inner": {"lr": 0.01 * (1 + number % 3), "steps": 1},
            "outer": {"lr": 0.001, "steps": 20000},
        }
        done = {"queued": 0, "running": 0.6}.get(status, 1.0)
        run = make.make_run(
            project,
            f"{algorithm}-s{number // 5}",
            status=status,
            params=params,
            tags=("paper",) if number % 4 == 0 else (),
            seed=number // 5,
            snapshot=snapshot,
            environment=environment,
            command="python -m worker.metalearning spec.json",
            progress_step=int(20000 * done) if done else None,
            progress_total=20000,
            status_reason="train/query_loss became NaN at step 11,990: lower outer.lr or clip."
            if status == "failed"
            else "",
            notes="Extra seed for table 1." if number == 0 else "",
        )
        make.make_job(
            run, status=status, spec=params, worker=worker if status == "running" else None
        )
        if not done:
            continue
        count = int(points * done)
        steps = np.arange(count, dtype=np.int64) * (20000 // points)
        times = 1.79e9 + steps / 50.0
        floor = 0.3 + 0.1 * (number % 5)
        train = curve(rng, count, floor)
        if status == "failed":
            train[count * 6 // 10 :] = math.nan
        series = [
            SeriesPoints("train/query_loss", steps, times, train),
            SeriesPoints("train/grad_norm", steps, times, np.abs(train) * 2),
            SeriesPoints("system/episodes_per_s", steps, times, 400 + 5 * np.sin(steps / 50)),
        ]
        rare = steps[:: max(1, count // 40)]
        for inner in (0, 1, 5, 10):
            values = curve(rng, len(rare), floor / (1 + inner)) + (3 if inner == 0 else 0)
            key = f"validation/query_loss_step_{inner}"
            series.append(SeriesPoints(key, rare, 1.79e9 + rare / 50.0, values))
        recording.record(run_id=run.pk, client="seed", number=0, series=series)
        if status == "completed":
            evaluation(rng, run, floor)
        text = "".join(
            f"12:{i // 60:02}:{i % 60:02} {'WARNING' if i == 40 else 'INFO'} "
            f"meta-step {i * 100:,}  "
            f"train {train[min(i * 10, count - 1)]:.4f}\n"
            for i in range(120)
        )
        make.make_log(run, text)
    big = make.make_project(lab, "large", main_metric="loss", description="A thousand runs.")
    steps = np.arange(50, dtype=np.int64)
    for number in range(large):
        run = make.make_run(
            big,
            f"run-{number:04}",
            status="completed",
            params={"lr": 10 ** -(1 + number % 4), "width": 2 ** (4 + number % 5)},
            seed=number % 10,
        )
        values = curve(rng, 50, 0.1 + 0.01 * (number % 37))
        one = SeriesPoints("loss", steps, 1.79e9 + steps, values)
        recording.record(run_id=run.pk, client="seed", number=0, series=[one])


def evaluation(rng: random.Random, run: object, floor: float) -> None:
    """A test evaluation of 600 episodes with the picture of two sinusoids."""
    from experiments import recording

    means = np.array([3.0, *(floor / s for s in range(1, 11))])
    losses = np.abs(
        means * np.exp(np.array([[rng.gauss(0, 0.6)] for _ in range(600)])) * np.ones((600, 11))
    )
    grid = np.linspace(-5, 5, 100)
    episodes = []
    for place, (amplitude, phase) in enumerate(((2.3, 0.4), (4.1, 2.0))):
        true = amplitude * np.sin(grid - phase)
        x = np.array([rng.uniform(-5, 5) for _ in range(10)])
        episodes.append(
            {
                "id": f"sinusoid-test-0-{place}",
                "amplitude": amplitude,
                "phase": phase,
                "support": {"x": x.tolist(), "y": (amplitude * np.sin(x - phase)).tolist()},
                "true": true.tolist(),
                "predictions": {
                    "0": (0.2 * np.cos(grid)).tolist(),
                    "1": (0.8 * true + 0.2).tolist(),
                    "10": (0.98 * true).tolist(),
                },
            }
        )
    recording.record_evaluation(
        run_id=run.pk,  # type: ignore[attr-defined]
        attempt=None,
        name="test",
        split="test",
        step=20000,
        episode_ids=[f"sinusoid-test-0-{i}" for i in range(600)],
        losses=losses,
        inner_steps=10,
        protocol={"shot": 10, "query": 10, "inner_steps_trained": 1, "seed": 0},
        illustration={"grid": grid.tolist(), "episodes": episodes},
    )


if __name__ == "__main__":
    _setup()
    fill(large=int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    from experiments import access
    from tests.factories import make_user

    print("/sign-in/" + access.create_sign_in_link(user=make_user("ada"), lifetime_s=86400) + "/")
