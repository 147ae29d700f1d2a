"""Fills a data folder for eyes and for slow tests: `python -m tests.dashboard.seed [RUNS]` on a
migrated database. Workspace "lab" with a project of 30 runs of every kind, one of RUNS (1,000)
runs with the params of real jobs, an empty one; users "ada" (admin) and "vera" (viewer)."""

import math
import os
import random
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

STEPS = 20_000
POINTS = 2_000
STARTED = 1.79e9  # unix seconds of a curve's first point
ALGORITHMS = ("maml", "fomaml", "reptile", "pretrained", "oracle")
FEW_STATUSES = {27: "queued", 28: "running", 29: "running", 11: "failed", 7: "cancelled"}
MANY_STATUSES = {0: "queued", 7: "failed", 13: "cancelled"}  # by the number of the run modulo 25
NAN_REASON = "train/query_loss became NaN at step 11,990: lower outer.lr or clip."


def _setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def curve(rng: random.Random, points: int, floor: float) -> np.ndarray:
    """A loss that falls from about 3 to `floor`."""
    steps = np.arange(points)
    noise = np.array([rng.gauss(0, 0.02) for _ in range(points)])
    return floor + 3 * np.exp(-steps / max(points / 6, 1)) + noise


def fill(*, many: int = 1000) -> None:
    """The whole cast; deterministic."""
    from tests import factories as make

    rng = random.Random(7)
    lab = make.make_workspace("lab", ada="admin", vera="viewer")
    make.make_worker("box/1")
    make.make_worker("box/2", heartbeat_at="2026-01-01T00:00:00Z")
    make.make_project(lab, "empty", description="How many strokes make a character hard?")
    few_runs(rng, lab)
    many_runs(rng, lab, many)


def few_runs(rng: random.Random, lab: Any) -> None:
    """30 runs in every status, with curves, console, code, environment and evaluations."""
    from experiments.models import Worker
    from tests import factories as make

    project = make.make_project(
        lab,
        "sinusoid",
        description="How far does one gradient step get on unseen sines?",
        main_metric="validation/query_loss_step_1",
    )
    executed = {"snapshot": _snapshot(lab), "environment": _environment()}
    worker = Worker.objects.get(name="box/1")
    for number in range(30):
        status = FEW_STATUSES.get(number, "completed")
        params = _short_params(number)
        done = {"queued": 0, "running": 0.6}.get(status, 1.0)
        run = make.make_run(
            project,
            f"{params['algorithm']}-s{number // 5}",
            status=status,
            params=params,
            tags=("paper",) if number % 4 == 0 else (),
            seed=number // 5,
            command="python -m worker.metalearning spec.json",
            progress_step=int(STEPS * done) if done else None,
            progress_total=STEPS,
            status_reason=NAN_REASON if status == "failed" else "",
            notes="Extra seed for table 1." if number == 0 else "",
            **executed,
        )
        at = worker if status == "running" else None
        make.make_job(run, status=status, spec=params, worker=at)
        if done:
            _trained(rng, run, status, 0.3 + 0.1 * (number % 5), int(POINTS * done))


def _short_params(number: int) -> dict[str, Any]:
    return {
        "algorithm": ALGORITHMS[number % len(ALGORITHMS)],
        "episodes": {"source": "sinusoid", "shot": 10},
        "inner": {"lr": 0.01 * (1 + number % 3), "steps": 1},
        "outer": {"lr": 0.001, "steps": STEPS},
    }


def _snapshot(lab: Any) -> Any:
    from experiments import snapshots

    return snapshots.store(
        workspace=lab,
        files={
            "worker/metalearning/maml.py": b"def step(x: int) -> int:\n    return x + 1\n",
            "README.md": b"# Read me\n",
        },
        git_commit="9f3ac1e" * 5,
        git_branch="main",
        patch=b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n",
    )


def _environment() -> Mapping[str, Any]:
    return {
        "python": "3.11.9",
        "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
        "host": {"name": "box", "cpus": 2},
    }


def _trained(rng: random.Random, run: Any, status: str, floor: float, count: int) -> None:
    """What a run of `count` recorded meta-steps leaves behind."""
    from experiments import recording
    from experiments.shapes import SeriesPoints
    from tests import factories as make

    steps = np.arange(count, dtype=np.int64) * (STEPS // POINTS)
    times = STARTED + steps / 50.0
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
        series.append(SeriesPoints(key, rare, STARTED + rare / 50.0, values))
    recording.record(run_id=run.pk, client="seed", number=0, series=series)
    if status == "completed":
        evaluation(rng, run, floor)
    lines = (
        f"12:{i // 60:02}:{i % 60:02} {'WARNING' if i == 40 else 'INFO'} "
        f"meta-step {i * 100:,}  train {train[min(i * 10, count - 1)]:.4f}\n"
        for i in range(120)
    )
    make.make_log(run, "".join(lines))


def many_runs(rng: random.Random, lab: Any, count: int) -> None:
    """A project as large as a busy group's: real params, six metrics a run, every status."""
    from django.db import transaction

    from tests import factories as make
    from worker.metalearning import specs as engine

    project = make.make_project(
        lab, "large", main_metric="loss", description="As many runs as a busy group makes."
    )
    presets = {name: engine.presets(name)[0]["spec"] for name in ALGORITHMS if engine.presets(name)}
    with transaction.atomic():
        for number in range(count):
            algorithm = list(presets)[number % len(presets)]
            spec = {**presets[algorithm], "lr": 10 ** -(1 + number % 4), "seed": number % 10}
            status = MANY_STATUSES.get(number % 25, "completed")
            run = make.make_run(
                project,
                f"{algorithm}-{number:04}",
                status=status,
                params=spec,
                tags=("sweep", f"batch-{number % 7}") if number % 3 == 0 else (),
                seed=number % 10,
                group=f"sweep-{number // 50}",
                status_reason=NAN_REASON if status == "failed" else "",
            )
            make.make_job(run, status=status, spec=spec)
            if status != "queued":
                _short_curves(rng, run, 0.1 + 0.01 * (number % 37))


def _short_curves(rng: random.Random, run: Any, floor: float) -> None:
    from experiments import recording
    from experiments.shapes import SeriesPoints

    steps = np.arange(30, dtype=np.int64)
    keys = ("loss", "train/grad_norm", *(f"validation/query_loss_step_{i}" for i in (0, 1, 5, 10)))
    series = [
        SeriesPoints(key, steps, STARTED + steps, curve(rng, 30, floor * (1 + place)))
        for place, key in enumerate(keys)
    ]
    recording.record(run_id=run.pk, client="seed", number=0, series=series)


def evaluation(rng: random.Random, run: Any, floor: float) -> None:
    """A test evaluation of 600 episodes with the picture of two sinusoids."""
    from experiments import recording

    means = np.array([3.0, *(floor / s for s in range(1, 11))])
    losses = np.abs(
        means * np.exp(np.array([[rng.gauss(0, 0.6)] for _ in range(600)])) * np.ones((600, 11))
    )
    recording.record_evaluation(
        run_id=run.pk,
        attempt=None,
        name="test",
        split="test",
        step=STEPS,
        episode_ids=[f"sinusoid-test-0-{i}" for i in range(600)],
        losses=losses,
        inner_steps=10,
        protocol={"shot": 10, "query": 10, "inner_steps_trained": 1, "seed": 0},
        illustration=_illustration(rng),
    )


def _illustration(rng: random.Random) -> dict[str, Any]:
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
    return {"grid": grid.tolist(), "episodes": episodes}


if __name__ == "__main__":
    _setup()
    fill(many=int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    from experiments import access
    from tests.factories import make_user

    print("/sign-in/" + access.create_sign_in_link(user=make_user("ada"), lifetime_s=86400) + "/")
