"""One attempt inside its process: resume, record, and each way it can end."""

import pytest
import torch
from django.conf import settings
from django.db import OperationalError

from experiments import queue, reading
from experiments.models import Evaluation, Job, JobAttempt, Worker
from tests.factories import make_job, make_run, make_worker
from worker import execution
from worker.execution import Control
from worker.metalearning import specs

SPEC = specs.as_dict(
    specs.parse(
        {
            "algorithm": "maml",
            "outer": {"steps": 12, "episodes_per_step": 4},
            "evaluation": {"episodes": 5, "steps": 2, "every": 6, "episodes_during_training": 5},
            "checkpoint_every": 4,
            "log_every": 1,
        }
    )
)
KEY = "train/query_loss"


@pytest.fixture(autouse=True)
def process(file_database, tmp_path, monkeypatch):
    """What a process of a job has to itself: a folder, PyTorch's switches."""
    monkeypatch.chdir(tmp_path)
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def claimed(spec=SPEC) -> Job:
    run = make_run(status="queued", params=spec)
    return again(make_job(run, spec=spec))


def again(job: Job) -> Job:
    name = f"box/{job.pk}"
    worker = Worker.objects.filter(name=name).first() or make_worker(name)
    next_attempt = queue.claim(job.pk, worker=worker)
    assert next_attempt is not None
    return next_attempt


def points_of(job: Job) -> list[tuple[int, float]]:
    page = reading.points(job.run_id, KEY, limit=1000)
    return [(point.step, point.value) for point in page.points]


def undisturbed() -> list[tuple[int, float]]:
    job = claimed()
    execution.run_attempt(job.pk, 1, Control())
    return points_of(job)


def stopping_after(step: int, monkeypatch, ask, *, during: str = "") -> None:
    """Have `ask` called as soon as a report of that step (and that evaluation) was taken."""
    take = execution.Recorder.take

    def taking(self, report):
        take(self, report)
        name = report.evaluation.name if report.evaluation else ""
        if report.step == step and during in ("", name):
            ask()

    monkeypatch.setattr(execution.Recorder, "take", taking)


def test_attempt_completes_with_its_points_evaluations_and_checkpoint():
    job = claimed()

    assert execution.run_attempt(job.pk, 1, Control()) == execution.ENDED

    job.refresh_from_db()
    assert job.status == "completed"
    assert [step for step, _ in points_of(job)] == list(range(1, 13))
    found = Evaluation.objects.filter(run=job.run).values_list("name", "step")
    held_out = [("test", 12), ("validation", 6), ("validation", 12)]
    assert sorted(found) == sorted([*held_out, ("train", 6), ("train", 12)])
    assert queue.latest_checkpoint(job.run_id).step == 12
    assert job.run.snapshot_id is not None


def test_stop_saves_a_checkpoint_where_it_is_and_the_next_attempt_has_the_same_numbers(
    monkeypatch,
):
    job, control = claimed(), Control()

    with monkeypatch.context() as patched:
        stopping_after(6, patched, control.stop.set)
        assert execution.run_attempt(job.pk, 1, control) == execution.ENDED

    job.refresh_from_db()
    assert job.status == "queued"
    assert queue.latest_checkpoint(job.run_id).step == 7
    execution.run_attempt(again(job).pk, 2, Control())
    assert JobAttempt.objects.get(job=job, number=2).resumed_from_step == 7
    assert points_of(job) == undisturbed()


def test_cancel_ends_as_cancelled_with_points_and_a_checkpoint(monkeypatch):
    job, control = claimed(), Control()
    stopping_after(6, monkeypatch, control.cancel.set)

    execution.run_attempt(job.pk, 1, control)

    job.refresh_from_db()
    assert job.status == "cancelled"
    assert points_of(job)[-1][0] == 7
    assert queue.latest_checkpoint(job.run_id).step == 7


def test_stop_before_the_test_goes_back_to_the_last_checkpoint(monkeypatch):
    job, control = claimed(), Control()

    with monkeypatch.context() as patched:
        stopping_after(12, patched, control.stop.set, during="validation")
        execution.run_attempt(job.pk, 1, control)

    job.refresh_from_db()
    assert job.status == "queued"
    assert queue.latest_checkpoint(job.run_id).step == 8
    execution.run_attempt(again(job).pk, 2, Control())
    assert points_of(job) == undisturbed()


def test_stop_after_the_test_comes_too_late(monkeypatch):
    job, control = claimed(), Control()
    stopping_after(12, monkeypatch, control.stop.set, during="test")

    execution.run_attempt(job.pk, 1, control)

    job.refresh_from_db()
    assert job.status == "completed"


def test_damaged_checkpoint_is_passed_over(monkeypatch, caplog):
    job, control = claimed(), Control()
    with monkeypatch.context() as patched:
        stopping_after(9, patched, control.stop.set)
        execution.run_attempt(job.pk, 1, control)
    newest = queue.latest_checkpoint(job.run_id)
    sha = newest.blob_id
    file = settings.DATA_DIR / "blobs" / sha[:2] / sha[2:4] / sha
    file.write_bytes(b"x" * file.stat().st_size)

    execution.run_attempt(again(job).pk, 2, Control())

    assert JobAttempt.objects.get(job=job, number=2).resumed_from_step == 8
    assert f"Checkpoint of meta-step {newest.step} is not used" in caplog.text
    assert points_of(job) == undisturbed()


def test_superseded_attempt_does_nothing():
    job = claimed()

    assert execution.run_attempt(job.pk, 0, Control()) == execution.SUPERSEDED

    assert reading.series_keys([job.run_id])[job.run_id] == []


def test_unexpected_error_fails_the_job_with_its_last_line(monkeypatch, caplog):
    def train(*_, **__):
        raise RuntimeError("shapes do not fit\nat line 3 of the kernel")
        yield

    monkeypatch.setattr(execution, "train", train)
    job = claimed()

    assert execution.run_attempt(job.pk, 1, Control()) == execution.ENDED

    job.refresh_from_db()
    assert (job.status, job.reason) == ("failed", "RuntimeError: shapes do not fit")
    assert "Traceback" in caplog.text


def test_database_that_is_away_is_not_the_experiments_fault(monkeypatch):
    def rewind(**_):
        raise OperationalError("database is locked")

    monkeypatch.setattr(execution.recording, "rewind", rewind)
    job = claimed()

    assert execution.run_attempt(job.pk, 1, Control()) == execution.DATABASE_AWAY

    job.refresh_from_db()
    assert job.status == "running"  # its supervisor requeues it


def test_checkpoint_is_wanted_by_the_clock_and_at_the_end(monkeypatch):
    control = Control()
    assert not control.wants_checkpoint()

    monkeypatch.setattr(execution, "CHECKPOINT_S", 0.0)
    assert control.wants_checkpoint()

    monkeypatch.setattr(execution, "CHECKPOINT_S", 3600.0)
    control.stop.set()
    assert control.wants_checkpoint()
