"""A finished run evaluated again: its checkpoint, other episodes, recorded with that run."""

import numpy as np
import pytest
import torch

from experiments import files, initialisations, lifecycle, queue, reading
from experiments.errors import Conflict, Invalid
from experiments.models import Checkpoint, Evaluation, Job, Run
from tests.factories import make_job, make_run, make_worker
from worker import execution, trainers
from worker.execution import Control
from worker.metalearning import specs

SPEC = specs.as_dict(
    specs.parse(
        {
            "algorithm": "maml",
            "outer": {"steps": 6, "episodes_per_step": 4},
            "evaluation": {"episodes": 5, "steps": 2, "every": 0},
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


def executed(job: Job) -> Job:
    claimed = queue.claim(job.pk, worker=make_worker(f"box/{job.pk}"))
    assert claimed is not None
    execution.run_attempt(job.pk, claimed.attempt, Control())
    job.refresh_from_db()
    return job


def trained(of: int = 0, **evaluation) -> Run:
    spec = {**SPEC, "seed": of, "evaluation": {**SPEC["evaluation"], **evaluation}}
    run = make_run(status="queued", name=f"maml-{of}", params=spec, seed=of)
    job = executed(make_job(run, spec=spec))
    assert job.status == "completed", job.reason
    run.refresh_from_db()
    return run


def test_the_same_protocol_gives_the_same_numbers_bit_for_bit():
    run = trained()
    first = Evaluation.objects.get(run=run, name="test")

    job = executed(lifecycle.submit_evaluation(run, user=None, like=first))

    assert job.status == "completed", job.reason
    again = Evaluation.objects.get(run=run, name__startswith="test@")
    assert reading.episodes(again).ids == reading.episodes(first).ids
    np.testing.assert_array_equal(reading.episodes(again).losses, reading.episodes(first).losses)
    assert again.protocol == first.protocol


def test_an_initialisation_is_kept_by_the_test_and_by_an_evaluation_only_where_there_is_none():
    run = trained()
    first = initialisations.of_run(run)
    like = Evaluation.objects.get(run=run, name="test")
    files.remove(run.files, initialisations.PATH)

    executed(lifecycle.submit_evaluation(run, user=None, like=like))

    assert initialisations.of_run(run) == first
    assert [layer.outputs for layer in first.layers] == [40, 40, 1]
    assert first.layers[0].weight_rate == [SPEC["inner"]["lr"]]


def test_a_run_is_evaluated_as_another_was_and_nothing_else_of_it_changes():
    run, other = trained(0), trained(1, episodes=9, steps=3, seed=7)
    like = Evaluation.objects.get(run=other, name="test")
    checkpoints = list(Checkpoint.objects.filter(run=run).values())

    job = executed(lifecycle.submit_evaluation(run, user=None, like=like))

    assert job.status == "completed", job.reason
    again = Evaluation.objects.get(run=run, name__startswith="test@")
    assert reading.episodes(again).ids == reading.episodes(like).ids
    assert again.inner_steps == 3
    assert Evaluation.objects.get(run=run, name="test").episode_count == 5
    assert list(Checkpoint.objects.filter(run=run).values()) == checkpoints
    assert job.run.parent_id == run.pk
    assert not Evaluation.objects.filter(run=job.run).exists()
    run.refresh_from_db()
    assert run.status == "completed"


def test_what_was_evaluated_so_or_is_about_to_be_is_not_queued_twice():
    run = trained()
    job = lifecycle.submit_evaluation(run, user=None, changes={"episodes": 7})

    with pytest.raises(Conflict, match="is being evaluated so"):
        lifecycle.submit_evaluation(run, user=None, changes={"episodes": 7})
    executed(job)
    with pytest.raises(Conflict, match="was evaluated so already"):
        lifecycle.submit_evaluation(run, user=None, changes={"episodes": 7})


def test_wrong_fields_are_named():
    run = trained()

    with pytest.raises(Invalid) as error:
        lifecycle.submit_evaluation(run, user=None, changes={"episodes": 0})

    assert "spec.evaluation.episodes" in error.value.fields


def test_a_run_without_checkpoint_or_end_cannot_be_evaluated_and_says_why():
    run = trained()
    Checkpoint.objects.filter(run=run).delete()

    with pytest.raises(Conflict, match="no checkpoint any more"):
        lifecycle.submit_evaluation(run, user=None)
    with pytest.raises(Conflict, match="not trained by a worker"):
        lifecycle.submit_evaluation(make_run(status="completed"), user=None)


def test_a_checkpoint_that_went_meanwhile_fails_the_job_with_the_reason():
    run = trained()
    job = lifecycle.submit_evaluation(run, user=None, changes={"seed": 3})
    Checkpoint.objects.filter(run=run).delete()

    executed(job)

    assert job.status == "failed"
    assert "has no checkpoint any more" in job.reason
