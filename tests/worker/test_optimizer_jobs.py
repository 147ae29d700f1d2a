"""Optimizers from the queue: learned ones resume, hand-made ones are paired with them."""

from typing import Any

import numpy as np
import pytest
import torch

from experiments import lifecycle, queue, reading
from experiments.comparing import verdict
from experiments.models import Evaluation, Job, Run, Worker
from tests.factories import make_job, make_run, make_worker
from worker import execution, trainers
from worker.execution import Control
from worker.metalearning import specs

EPISODES = {"source": "quadratics", "dimensions": 3}
LEARNED = specs.as_dict(
    specs.parse(
        {
            "algorithm": "lstm_optimizer",
            "episodes": EPISODES,
            "network": {"kind": "coordinate_lstm", "hidden": 4, "preprocessing": "none"},
            "inner": {"steps": 6, "unroll": 3},
            "outer": {"steps": 6, "episodes_per_step": 4},
            "opponents": {"episodes": 3, "step_sizes": [0.01, 0.1]},
            "evaluation": {"episodes": 8, "steps": 9, "every": 3, "episodes_during_training": 3},
            "checkpoint_every": 2,
            "log_every": 1,
        }
    )
)
HAND_MADE = specs.as_dict(
    specs.parse(
        {
            "algorithm": "hand_made_optimizer",
            "episodes": EPISODES,
            "network": {"kind": "adam"},
            "fine_tuning": {"steps": 6, "episodes": 3, "step_sizes": [0.01, 0.1]},
            "evaluation": {"episodes": 8, "steps": 9},
        }
    )
)


@pytest.fixture(autouse=True)
def process(file_database, tmp_path, monkeypatch):
    """What a process of a job has to itself: a folder, PyTorch's switches."""
    monkeypatch.chdir(tmp_path)
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    make_worker("announcing", trainers=trainers.trainers())
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def queued(spec: dict[str, Any]) -> Job:
    return make_job(make_run(status="queued", params=spec), spec=spec)


def attempted(job: Job, control: Control | None = None) -> Job:
    name = f"box/{job.pk}"
    worker = Worker.objects.filter(name=name).first() or make_worker(name)
    claimed = queue.claim(job.pk, worker=worker)
    assert claimed is not None
    execution.run_attempt(job.pk, claimed.attempt, control or Control())
    job.refresh_from_db()
    return job


def completed(spec: dict[str, Any]) -> Run:
    job = attempted(queued(spec))
    assert job.status == "completed", job.reason
    return job.run


def of_test(run: Run) -> Evaluation:
    return Evaluation.objects.get(run=run, name="test")


def test_a_learned_optimizer_keeps_its_test_and_those_of_its_opponents():
    run = completed(LEARNED)

    names = set(Evaluation.objects.filter(run=run).values_list("name", flat=True))
    opponents = {f"hand-made {title}" for title in specs.HAND_MADE_RULES}
    assert names == {"test", "train", "validation", *opponents}
    assert of_test(run).inner_steps == 9
    assert queue.latest_checkpoint(run.pk).step == 6


def test_a_run_of_its_own_for_adam_is_judged_on_the_same_problems():
    learned, adam = completed(LEARNED), completed(HAND_MADE)
    found = {learned.pk: of_test(learned), adam.pk: of_test(adam)}

    judged = verdict.judge(found, baseline_id=adam.pk, metric="loss", inner_step=9, interval="t")

    [comparison] = judged.comparisons
    assert comparison.paired is not None
    assert comparison.paired.count == 8
    assert not [one.field for one in judged.mismatches if one.forbids]
    opponent = Evaluation.objects.get(run=learned, name="hand-made Adam")
    assert np.array_equal(reading.episodes(opponent).losses, reading.episodes(of_test(adam)).losses)


def test_a_stopped_job_goes_on_to_the_same_numbers(monkeypatch):
    job, control = queued(LEARNED), Control()
    take = execution.Recorder.take

    def taking(self, report):
        take(self, report)
        if report.step == 3:
            control.stop.set()

    with monkeypatch.context() as patched:
        patched.setattr(execution.Recorder, "take", taking)
        attempted(job, control)
    assert job.status == "queued"

    attempted(job)

    assert job.status == "completed", job.reason
    whole = completed(LEARNED)
    np.testing.assert_array_equal(
        reading.episodes(of_test(job.run)).losses, reading.episodes(of_test(whole)).losses
    )
    points = [
        [(p.step, p.value) for p in reading.points(run.pk, "train/last_loss", limit=100).points]
        for run in (job.run, whole)
    ]
    assert points[0] == points[1]
    assert len(points[0]) == 6


@pytest.mark.parametrize("spec", [LEARNED, HAND_MADE], ids=["learned", "hand made"])
def test_a_finished_run_is_tried_again_for_longer(spec):
    run = completed(spec)

    job = attempted(lifecycle.submit_evaluation(run, user=None, changes={"steps": 12}))

    assert job.status == "completed", job.reason
    again = Evaluation.objects.get(run=run, name__startswith="test@")
    assert again.inner_steps == 12
    first = reading.episodes(of_test(run))
    np.testing.assert_array_equal(reading.episodes(again).losses[:, :10], first.losses)
