"""An attempt: its heartbeats, its fence, its checkpoints, its end."""

import pytest
from django.utils import timezone

from experiments import queue
from experiments.errors import Superseded
from experiments.models import Checkpoint
from tests.experiments.queue_jobs import again, claimed, history, let_lease_expire, state

pytestmark = pytest.mark.django_db


def test_heartbeat_extends_the_lease_and_shows_on_the_run():
    job = claimed()
    let_lease_expire(job)

    beat = queue.progress(job.pk, job.attempt, step=40, total=200)

    assert beat == queue.Beat(owned=True, cancel_requested=False)
    job.refresh_from_db()
    job.run.refresh_from_db()
    assert job.lease_until > timezone.now()
    assert (job.run.progress_step, job.run.progress_total) == (40, 200)


def test_heartbeat_tells_of_a_cancel():
    job = claimed()
    queue.cancel(job)

    assert queue.heartbeat(job.pk, job.attempt).cancel_requested
    assert queue.watch(job.pk, job.attempt) == queue.Beat(owned=True, cancel_requested=True)


def test_superseded_attempt_can_write_nothing():
    old = claimed()
    queue.lost(old.pk, old.attempt, reason="killed")
    job = again(old)

    assert not queue.heartbeat(old.pk, 1).owned
    assert not queue.watch(old.pk, 1).owned
    assert not queue.progress(old.pk, 1, step=9, total=9).owned
    assert not queue.finish(old.pk, 1, outcome="completed")
    assert not queue.release(old.pk, 1, reason="")
    assert not queue.lost(old.pk, 1, reason="")
    with pytest.raises(Superseded):
        queue.save_checkpoint(old.pk, 1, step=9, data=b"state")
    assert state(job) == ("running", "running")
    assert job.run.progress_step is None
    assert not Checkpoint.objects.exists()


@pytest.mark.parametrize("outcome", ["completed", "failed", "cancelled"])
def test_finish_ends_job_and_run_once(outcome):
    job = claimed()

    assert queue.finish(job.pk, job.attempt, outcome=outcome, reason="why")
    assert not queue.finish(job.pk, job.attempt, outcome="failed")

    assert state(job) == (outcome, outcome)
    assert (job.reason, job.run.status_reason) == ("why", "why")
    assert job.finished_at is not None
    assert job.run.finished_at is not None
    assert history(job) == [outcome]


def test_jobs_do_not_finish_as_anything_else():
    job = claimed()

    with pytest.raises(ValueError, match="not a valid JobStatus"):
        queue.finish(job.pk, job.attempt, outcome="crashed")
    with pytest.raises(ValueError, match="does not finish as queued"):
        queue.finish(job.pk, job.attempt, outcome="queued")


def test_lost_job_is_queued_again_until_its_attempts_are_used_up():
    job = claimed(max_attempts=3)
    for _ in range(2):
        assert queue.lost(job.pk, job.attempt, reason="its process was killed by SIGKILL")
        assert state(job) == ("queued", "queued")
        job = again(job)

    assert queue.lost(job.pk, job.attempt, reason="its process was killed by SIGKILL")

    assert state(job) == ("failed", "failed")
    expected = "Worker lost 3 times; the last time: its process was killed by SIGKILL"
    assert (job.reason, job.run.status_reason) == (expected, expected)
    assert history(job) == ["lost", "lost", "lost"]


def test_release_uses_up_no_attempt():
    job = claimed(max_attempts=1)
    for _ in range(5):
        assert queue.release(job.pk, job.attempt, reason="the worker stopped")
        assert state(job) == ("queued", "queued")
        job = again(job)

    queue.lost(job.pk, job.attempt, reason="killed")

    assert state(job)[0] == "failed"
    assert job.reason.startswith("Worker lost once")


@pytest.mark.parametrize("end", [queue.release, queue.lost])
def test_job_to_be_cancelled_is_not_queued_again(end):
    job = claimed()
    queue.cancel(job)

    assert end(job.pk, job.attempt, reason="gone")

    assert state(job) == ("cancelled", "cancelled")


def test_the_last_two_checkpoints_are_kept():
    job = claimed()
    for step in (100, 200, 300):
        queue.save_checkpoint(job.pk, job.attempt, step=step, data=b"state %d" % step)

    steps = Checkpoint.objects.order_by("step").values_list("step", flat=True)

    assert list(steps) == [200, 300]
    assert queue.latest_checkpoint(job.run_id).step == 300


def test_checkpoints_of_other_runs_stay():
    mine, other = claimed(), claimed()
    queue.save_checkpoint(other.pk, other.attempt, step=1, data=b"other")
    for step in (1, 2, 3):
        queue.save_checkpoint(mine.pk, mine.attempt, step=step, data=b"mine")

    assert queue.latest_checkpoint(other.run_id).step == 1
