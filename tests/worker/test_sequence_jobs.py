"""Sequence learners and players of bandits from the queue: as any job, stopped and gone on with."""

import numpy as np
import pytest
import torch

from experiments import lifecycle, queue, reading
from experiments.models import Evaluation, Job, Worker
from tests.factories import make_job, make_run, make_worker
from worker import execution, trainers
from worker.execution import Control
from worker.metalearning import specs

EVALUATION = {"episodes": 5, "every": 6, "episodes_during_training": 5}
OUTER = {"steps": 12, "episodes_per_step": 4}
LSTM = {
    "algorithm": "lstm", "network": {"kind": "lstm", "hidden": 8}, "outer": OUTER,
    "episodes": {"source": "sinusoid", "shot": 3, "query": 3}, "evaluation": EVALUATION,
}  # fmt: skip
RL2 = {
    "algorithm": "rl2", "network": {"kind": "gru", "hidden": 8}, "outer": OUTER,
    "episodes": {"source": "bandits", "arms": 3, "pulls": 4}, "evaluation": EVALUATION,
}  # fmt: skip
THOMPSON = {
    "algorithm": "bandit_rule", "episodes": RL2["episodes"], "evaluation": EVALUATION,
}  # fmt: skip


@pytest.fixture(autouse=True)
def process(file_database, tmp_path, monkeypatch):
    """What a process of a job has to itself: a folder, PyTorch's switches."""
    monkeypatch.chdir(tmp_path)
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    make_worker("announcing", trainers=trainers.trainers())
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def attempted(job: Job, control: Control) -> Job:
    name = f"box/{job.pk}"
    worker = Worker.objects.filter(name=name).first() or make_worker(name)
    claimed = queue.claim(job.pk, worker=worker)
    assert claimed is not None
    execution.run_attempt(job.pk, claimed.attempt, control)
    job.refresh_from_db()
    return job


def queued(asked) -> Job:
    spec = specs.as_dict(specs.parse(asked))
    return make_job(make_run(status="queued", params=spec), spec=spec)


def result_of(job: Job) -> Evaluation:
    return Evaluation.objects.get(run=job.run, name="test")


@pytest.mark.parametrize(
    ("asked", "axis", "columns"),
    [(LSTM, "examples_seen", 4), (RL2, "pulls", 5), (THOMPSON, "pulls", 5)],
)
def test_a_job_completes_with_its_episodes_by_what_was_seen(asked, axis, columns):
    job = attempted(queued(asked), Control())

    assert job.status == "completed", job.reason
    found = result_of(job)
    assert found.protocol["axis"] == axis
    assert reading.episodes(found).losses.shape == (5, columns)
    assert reading.adaptation(found).trained_inner_steps == columns - 1


@pytest.mark.parametrize("asked", [LSTM, RL2])
def test_a_stopped_job_goes_on_to_the_same_numbers(asked):
    whole, job, control = attempted(queued(asked), Control()), queued(asked), Control()
    control.stop.set()

    assert attempted(job, control).status == "queued"
    assert queue.latest_checkpoint(job.run_id).step < 12
    assert attempted(job, Control()).status == "completed"

    mine, other = (reading.episodes(result_of(one)) for one in (job, whole))
    assert mine.ids == other.ids
    np.testing.assert_array_equal(mine.losses, other.losses)


def test_a_learned_player_is_tried_again_on_the_bandits_of_another():
    learned = attempted(queued(RL2), Control())
    rule = attempted(
        queued({**THOMPSON, "evaluation": {**EVALUATION, "episodes": 9, "seed": 3}}), Control()
    )

    job = lifecycle.submit_evaluation(learned.run, user=None, like=result_of(rule))
    job = attempted(job, Control())

    assert job.status == "completed", job.reason
    again = Evaluation.objects.get(run=learned.run, name__startswith="test@")
    assert reading.episodes(again).ids == reading.episodes(result_of(rule)).ids
