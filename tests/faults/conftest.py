"""A stack on a database file of its own, and the numbers of an undisturbed run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from celery import current_app

from experiments import queue, reading
from experiments.models import Evaluation, Job
from experiments.queue import doorbell
from tests.factories import make_job, make_project, make_run
from tests.faults.stack import Stack
from worker.metalearning import specs
from worker.metalearning.training import train

SPEC = specs.as_dict(
    specs.parse(
        {
            "algorithm": "maml",
            "episodes": {"source": "sinusoid", "shot": 10},
            "outer": {"steps": 1500, "episodes_per_step": 25},
            "evaluation": {"episodes": 50, "steps": 3, "every": 400,
                           "episodes_during_training": 20},
            "seed": 3,
            "log_every": 1,
            "checkpoint_every": 100,
        }
    )
)  # fmt: skip

Points = dict[str, list[tuple[int, float]]]


@dataclass
class Numbers:
    """Everything a run leaves behind that must repeat bit for bit."""

    points: Points
    evaluations: dict[tuple[str, int], tuple[list[str], np.ndarray]]

    def assert_same(self, other: "Numbers") -> None:
        assert self.points.keys() == other.points.keys()
        for key, points in other.points.items():
            assert self.points[key] == points, key
        assert self.evaluations.keys() == other.evaluations.keys()
        for key, (ids, losses) in other.evaluations.items():
            assert self.evaluations[key][0] == ids
            assert np.array_equal(self.evaluations[key][1], losses)


@pytest.fixture(scope="session")
def undisturbed() -> Numbers:
    """The engine alone, in this process: no queue, no database, nothing killed."""
    points: Points = {}
    evaluations = {}
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    try:
        reports = train(specs.parse(SPEC), device="cpu", omniglot_dir=None, cache_dir=None)
        for report in reports:
            for key, value in report.metrics.items():
                if not key.startswith("system/"):
                    points.setdefault(key, []).append((report.step, value))
            if (result := report.evaluation) is not None:
                evaluations[result.name, result.step] = (list(result.episode_ids), result.losses)
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
    return Numbers(points, evaluations)


def recorded(run_id: str) -> Numbers:
    """The same of a run, as anybody reads it."""
    points: Points = {}
    for key in reading.series_keys([run_id])[run_id]:
        if key.startswith("system/"):
            continue
        found, after = [], None
        while True:
            page = reading.points(run_id, key, after=after, limit=1000)
            found += [(point.step, point.value) for point in page.points]
            if page.next is None:
                break
            after = page.next
        points[key] = found
    evaluations = {}
    for evaluation in Evaluation.objects.filter(run_id=run_id):
        episodes = reading.episodes(evaluation)
        evaluations[evaluation.name, evaluation.step] = (list(episodes.ids), episodes.losses)
    return Numbers(points, evaluations)


@pytest.fixture
def stack(file_database: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Broker started; the test starts workers. On failure the workers' log is printed."""
    data_dir.mkdir(parents=True)
    (data_dir / "metascope.sqlite3").symlink_to(file_database)
    stack = Stack(data_dir)
    stack.start_broker()
    monkeypatch.setattr(current_app.conf, "broker_url", stack.broker_url)
    monkeypatch.setattr(doorbell, "_line", doorbell._Line())
    try:
        yield stack
    finally:
        stack.close()
        print(stack.log())


def submit(spec: dict[str, Any] = SPEC, **fields: Any) -> Job:
    """A queued job, its workers told."""
    run = make_run(make_project(), status="queued", params=spec, seed=spec["seed"])
    job = make_job(run, spec=spec, **fields)
    queue.ring(job)
    return job
