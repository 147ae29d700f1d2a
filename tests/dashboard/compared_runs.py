"""Three finished runs to compare: curves, evaluations with fits, snapshots, environments."""

import math

import numpy as np

from experiments import recording, snapshots
from experiments.models import Project, Run
from experiments.shapes import SeriesPoints
from tests.comparing.building import evaluation
from tests.factories import make_project, make_run

STEPS, EPISODES, INNER_STEPS = 200, 60, 10
CODE = '''"""The inner loop."""

import torch


def adapt(network, params, support, *, lr, steps):
    """Gradient descent on the support set."""
    for _ in range(steps):
        loss = network.loss(params, support)
        grads = torch.autograd.grad(loss, params)
        params = [p - lr * g for p, g in zip(params, grads)]
    return params
'''
EDITED = CODE.replace("p - lr * g", "p - lr * g.clamp(-10, 10)").replace(
    "for _ in range(steps):", "for step in range(steps):"
)


def compared_runs(project: Project | None = None) -> list[Run]:
    """maml (better), pretrained (worse) and maml-edited (unclear against maml), in this order."""
    project = project or make_project()
    names = ("maml", "pretrained", "maml-edited")
    levels = (0.2, 1.4, 0.201)
    runs = []
    for place, (name, level) in enumerate(zip(names, levels, strict=True)):
        run = make_run(
            project,
            name,
            status="completed",
            seed=place,
            params=_params(name),
            command=f"python -m worker.runner {name}",
            environment=_environment(name),
            snapshot=_snapshot(project, EDITED if name == "maml-edited" else CODE),
        )
        _points(run, level, seed=place)
        evaluation(
            losses_of(level, seed=place),
            run,
            illustration=_illustration(level),
            inner_steps_trained=0 if name == "pretrained" else 1,
        )
        runs.append(run)
    return runs


def _params(name: str) -> dict[str, object]:
    params: dict[str, object] = {"algorithm": name.split("-")[0], "outer": {"lr": 0.001}}
    if name != "pretrained":
        params["inner"] = {"lr": 0.01 if name == "maml" else 0.04, "steps": 1}
    return {**params, "episodes": {"source": "sinusoid", "shot": 10}, "seed": 0}


def _environment(name: str) -> dict[str, object]:
    torch = "2.13.0" if name != "maml-edited" else "2.12.1"
    packages = {"torch": torch, "numpy": "2.4.6", "scipy": "1.17.1"}
    return {"python": "3.11.7", "torch": torch, "threads": 2, "packages": packages}


def _snapshot(project: Project, code: str):
    same = {"worker/__init__.py": b"", "worker/networks.py": b"WIDTH = 40\n"}
    return snapshots.store(
        workspace=project.workspace,
        files={"worker/adaptation.py": code.encode(), **same},
        git_commit="1ff2d8ef35c5",
        git_branch="main",
        patch=b"" if code == CODE else b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n",
    )


def _points(run: Run, level: float, *, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    steps = np.arange(STEPS, dtype=np.int64)
    times = 1_790_000_000.0 + steps * 0.5
    loss = level + 3 * np.exp(-steps / 40) + 0.1 * np.abs(numbers.normal(size=STEPS))
    if run.name == "pretrained":
        loss[150:] = math.nan
    series = [
        SeriesPoints("train/query_loss", steps, times, loss),
        SeriesPoints("train/grad_norm", steps, times, 2 * loss + 1),
        SeriesPoints("validation/accuracy", steps[::20], times[::20], 1 / (1 + loss[::20])),
    ]
    recording.record(run_id=run.pk, client="test", number=0, series=series)


def losses_of(level: float, *, seed: int) -> np.ndarray:
    """Episodes share their difficulty, so that pairing pays."""
    hard = np.random.default_rng(99).uniform(0.5, 1.5, (EPISODES, 1))
    noise = 0.04 * np.random.default_rng(seed).normal(size=(EPISODES, INNER_STEPS + 1))
    steps = np.arange(INNER_STEPS + 1)
    return hard * (level + 3 * np.exp(-1.5 * steps)) + np.abs(noise)


def _illustration(level: float) -> dict[str, object]:
    grid = np.linspace(-5, 5, 50)
    true = 2 * np.sin(grid - 1)
    fits = {
        str(steps): (true * (1 - math.exp(-(steps + 0.2))) + level * 0.2).tolist()
        for steps in (0, 1, 10)
    }
    support = np.array([-4.0, -2.5, -1.0, 0.5, 2.0, 3.5])
    return {
        "grid": grid.tolist(),
        "episodes": [
            {
                "id": "5105:test:0:0",
                "support": {"x": support.tolist(), "y": (2 * np.sin(support - 1)).tolist()},
                "true": true.tolist(),
                "predictions": fits,
            }
        ],
    }
