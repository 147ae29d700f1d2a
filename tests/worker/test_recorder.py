"""What training reports is written in order, and by the attempt that owns the job alone."""

import numpy as np
import pytest
import torch

from experiments import blobs, model_layers, queue, reading, recording
from experiments.errors import Superseded
from experiments.models import Checkpoint, Job, MetricBatch
from tests.factories import make_job, make_worker
from worker import recorder as module
from worker.metalearning.checkpoint import Checkpoint as State
from worker.metalearning.evaluation import EvaluationResult
from worker.metalearning.training import Report
from worker.recorder import Recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    job = queue.claim(make_job().pk, worker=make_worker())
    assert job is not None
    return job


@pytest.fixture
def recorder(job, tmp_path) -> Recorder:
    return Recorder(job, folder=tmp_path, total=200)


def state_at(step: int) -> State:
    return State(
        step=step, parameters={"w": torch.ones(2)}, optimizer={}, best=None, spec={},
        generator=torch.Generator().get_state(), torch_version="2",
    )  # fmt: skip


def points_of(job: Job, key: str) -> list[tuple[int, float]]:
    page = reading.points(job.run_id, key, limit=1000)
    return [(point.step, point.value) for point in page.points]


def test_points_and_progress_are_written_by_a_flush(job, recorder):
    for step in (1, 2, 3):
        recorder.take(Report(step, {"loss": step / 2, "lr": 0.1}))
    assert not MetricBatch.objects.exists()

    beat = recorder.flush()

    assert beat == queue.Beat(owned=True, cancel_requested=False)
    assert points_of(job, "loss") == [(1, 0.5), (2, 1.0), (3, 1.5)]
    assert MetricBatch.objects.get().client == "job-1"
    job.run.refresh_from_db()
    assert (job.run.progress_step, job.run.progress_total) == (3, 200)


def test_many_points_do_not_wait_for_the_clock(job, recorder, monkeypatch):
    monkeypatch.setattr(module, "FLUSH_POINTS", 4)

    for step in (1, 2):
        recorder.take(Report(step, {"loss": 1.0, "lr": 0.1}))

    assert len(points_of(job, "loss")) == 2


def test_batch_that_failed_is_sent_again_under_its_number(job, recorder, monkeypatch):
    def fail(**_):
        raise ConnectionError("database away")

    recorder.take(Report(1, {"loss": 1.0}))
    with monkeypatch.context() as patched:
        patched.setattr(recording, "record", fail)
        with pytest.raises(ConnectionError):
            recorder.flush()
    recorder.take(Report(2, {"loss": 2.0}))
    recorder.flush()
    recorder.flush()

    assert points_of(job, "loss") == [(1, 1.0), (2, 2.0)]
    assert sorted(MetricBatch.objects.values_list("number", flat=True)) == [0, 1]


def test_checkpoint_is_stored_after_its_points_and_not_before_the_next_report(job, recorder):
    recorder.take(Report(1, {"loss": 1.0}, checkpoint=state_at(1)))
    assert not Checkpoint.objects.exists()

    recorder.take(Report(2, {"loss": 2.0}))

    assert points_of(job, "loss") == [(1, 1.0)]
    assert Checkpoint.objects.get().step == 1


def test_the_first_checkpoint_tells_what_the_network_is_made_of(job, recorder):
    checkpoint = state_at(1)
    recorder.take(Report(1, {}, checkpoint=checkpoint))
    recorder.take(Report(2, {}))

    (model,) = model_layers.of_run(job.run)
    assert model.name == "network"
    assert {layer.name: layer.shape for layer in model.layers} == {
        name: tuple(tensor.shape) for name, tensor in checkpoint.parameters.items()
    }


def test_stored_checkpoint_loads(job, recorder, tmp_path):
    recorder.take(Report(7, {}, checkpoint=state_at(7)))
    recorder.release(reason="stop")

    row = queue.latest_checkpoint(job.run_id)
    path = tmp_path / "again.pt"
    path.write_bytes(blobs.read(row.blob_id))

    assert State.load(path).step == 7


def test_last_points_last_checkpoint_and_the_end_are_one_transaction(job, recorder, monkeypatch):
    recorder.take(Report(200, {"loss": 1.0}, checkpoint=state_at(200)))

    def fail(*_, **__):
        raise ConnectionError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(queue, "finish", fail)
        with pytest.raises(ConnectionError):
            recorder.finish(outcome="completed")

    job.refresh_from_db()
    assert job.status == "running"
    assert not Checkpoint.objects.exists()
    assert reading.series_keys([job.run_id])[job.run_id] == []


def test_finish_writes_everything(job, recorder):
    recorder.take(Report(200, {"loss": float("nan")}, checkpoint=state_at(200)))

    recorder.finish(outcome="failed", reason="loss is not finite")

    job.refresh_from_db()
    assert (job.status, job.reason) == ("failed", "loss is not finite")
    assert job.run.series.get(key="loss").first_bad_step == 200
    assert Checkpoint.objects.get().step == 200


def test_evaluation_is_recorded_with_every_episode(job, recorder):
    result = EvaluationResult(
        name="test", split="test", step=9, episode_ids=["a", "b"],
        losses=np.array([[3.0, 1.0], [5.0, 2.0]]), accuracies=None, protocol={"shot": 10},
    )  # fmt: skip

    recorder.take(Report(9, {"test/loss": 1.5}, evaluation=result))

    evaluation = job.run.evaluations.get()
    assert (evaluation.name, evaluation.step, evaluation.inner_steps) == ("test", 9, 1)
    assert reading.episodes(evaluation).losses.tolist() == [[3.0, 1.0], [5.0, 2.0]]


def test_training_split_and_answers_are_recorded_beside_the_evaluation(job, recorder):
    losses = np.array([[3.0, 1.0], [5.0, 2.0]])
    described = {"losses": losses, "accuracies": None, "step": 9, "protocol": {"shot": 10}}
    ids = ["a", "b"]
    seen = EvaluationResult(name="train", split="train", episode_ids=ids, **described)
    answers = {"b": {"kind": "regression", "inner_steps": [0, 1]}}
    result = EvaluationResult(
        name="test", split="test", episode_ids=ids, answers=answers, **described
    )

    for _ in range(2):  # a replay after a resume
        recorder.take(Report(9, {}, evaluation=result, seen=seen))

    assert sorted(one.name for one in job.run.evaluations.all()) == ["test", "train"]
    evaluation = job.run.evaluations.get(name="test")
    assert reading.answered(evaluation) == {"b"}
    assert reading.answers(evaluation, "b") == answers["b"]
    assert reading.answers(evaluation, "a") is None


@pytest.mark.parametrize("write", ["flush", "flush_if_due", "release", "finish"])
def test_superseded_attempt_writes_nothing(job, recorder, write):
    recorder.take(Report(5, {"loss": 1.0}, checkpoint=state_at(5)))
    queue.lost(job.pk, job.attempt, reason="frozen")
    queue.claim(job.pk, worker=job.worker)
    options = {"release": {"reason": "stop"}, "finish": {"outcome": "completed"}}

    with pytest.raises(Superseded):
        getattr(recorder, write)(**options.get(write, {}))

    job.refresh_from_db()
    job.run.refresh_from_db()
    assert (job.status, job.attempt, job.run.progress_step) == ("running", 2, None)
    assert not MetricBatch.objects.exists()
    assert not Checkpoint.objects.exists()


def test_cancel_is_seen_without_writing(job, recorder):
    recorder.flush()
    queue.cancel(job)

    assert recorder.flush_if_due().cancel_requested
