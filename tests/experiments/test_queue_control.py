"""What people do to jobs: cancel, retry, move."""

import pytest

from experiments import queue
from experiments.errors import Conflict, Invalid
from tests.experiments.queue_jobs import again, claimed, state
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def test_queued_job_is_cancelled_at_once():
    job = make_job()

    queue.cancel(job)

    assert state(job) == ("cancelled", "cancelled")
    assert job.run.finished_at is not None


def test_running_job_is_asked_to_stop_and_asking_twice_is_fine():
    job = claimed()

    queue.cancel(queue.cancel(job))

    assert state(job) == ("running", "running")
    assert job.cancel_requested_at is not None


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_ended_job_cannot_be_cancelled(status):
    with pytest.raises(Conflict, match=status):
        queue.cancel(make_job(status=status))


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_retry_queues_again_with_new_attempts_and_the_checkpoint(status):
    job = claimed()
    queue.save_checkpoint(job.pk, job.attempt, step=100, data=b"state")
    queue.cancel(job)
    queue.finish(job.pk, job.attempt, outcome=status, reason="why")

    queue.retry(job)

    assert state(job) == ("queued", "queued")
    assert (job.reason, job.run.status_reason, job.run.finished_at) == ("", "", None)
    assert job.cancel_requested_at is None
    assert queue.latest_checkpoint(job.run_id).step == 100
    for _ in range(2):
        job = again(job)
        queue.lost(job.pk, job.attempt, reason="killed")
        assert state(job)[0] == "queued"


def test_retry_from_start_drops_the_checkpoints():
    job = claimed()
    queue.save_checkpoint(job.pk, job.attempt, step=100, data=b"state")
    queue.finish(job.pk, job.attempt, outcome="failed")

    queue.retry(job, from_start=True)

    assert queue.latest_checkpoint(job.run_id) is None


@pytest.mark.parametrize("status", ["queued", "running", "completed"])
def test_only_failed_or_cancelled_jobs_are_retried(status):
    with pytest.raises(Conflict, match=status):
        queue.retry(make_job(status=status))


def test_priority_of_a_queued_job_changes_its_place():
    first, second = make_job(), make_job()

    queue.set_priority(second, 10)

    assert queue.next_claimable(["default"]) == second.pk
    with pytest.raises(Invalid) as refused:
        queue.set_priority(first, 11)
    assert refused.value.fields == {"priority": ["must be from -10 to 10"]}
    with pytest.raises(Conflict, match="running"):
        queue.set_priority(claimed(), 1)
