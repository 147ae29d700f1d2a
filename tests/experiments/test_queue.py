"""The ledger: one owner, a fence, bounded attempts, and a run that always agrees with its job."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from experiments import queue
from experiments.errors import Conflict, Invalid, Superseded
from experiments.models import Checkpoint, Job, JobAttempt, Worker
from tests.factories import SHORT_SPEC, make_job, make_run, make_worker

database = pytest.mark.django_db


def claimed(**fields) -> Job:
    worker = Worker.objects.first() or make_worker()
    job = queue.claim(make_job(**fields).pk, worker=worker)
    assert job is not None
    return job


def again(job: Job) -> Job:
    """The next attempt of a queued job."""
    next_attempt = queue.claim(job.pk, worker=Worker.objects.get())
    assert next_attempt is not None
    return next_attempt


def state(job: Job) -> tuple[str, str]:
    job.refresh_from_db()
    job.run.refresh_from_db()
    return job.status, job.run.status


def let_lease_expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def history(job: Job) -> list[str]:
    return list(job.attempts.order_by("number").values_list("outcome", flat=True))


# Claiming


@database
def test_claim_starts_the_job_and_its_run():
    job = claimed()

    assert state(job) == ("running", "running")
    assert job.attempt == 1
    assert job.lease_until > timezone.now()
    assert job.run.started_at is not None
    assert history(job) == [""]


@database
def test_claimed_job_cannot_be_claimed():
    job = claimed()

    assert queue.claim(job.pk, worker=Worker.objects.get()) is None


@database
@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_ended_job_cannot_be_claimed(status):
    job = make_job(status=status)

    assert queue.claim(job.pk, worker=make_worker()) is None


@database
def test_missing_job_is_nobodys():
    assert queue.claim("0" * 16, worker=make_worker()) is None


@database
def test_job_is_not_claimed_before_its_time():
    job = make_job(not_before=timezone.now() + timedelta(hours=1))

    assert queue.next_claimable(["default"]) is None
    assert queue.claim(job.pk, worker=make_worker()) is None


def test_of_many_claimants_one_wins(file_database):
    job, worker = make_job(), make_worker()
    start, won = threading.Barrier(8), []

    def try_it():
        start.wait()
        if queue.claim(job.pk, worker=worker) is not None:
            won.append(threading.current_thread().name)
        connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert JobAttempt.objects.count() == 1


# Order


@database
def test_higher_priority_goes_first_then_the_older():
    low, old, new, high = (make_job(priority=p).pk for p in (-10, 0, 0, 10))
    worker, order = make_worker(), []

    while (job_id := queue.next_claimable(["default"])) is not None:
        order.append(job_id)
        queue.claim(job_id, worker=worker)

    assert order == [high, *sorted((old, new)), low]


@database
def test_workers_take_only_their_queues_and_algorithms():
    make_job(queue="gpu")
    reptile = make_job(spec={**SHORT_SPEC, "algorithm": "reptile"})

    assert queue.next_claimable(["default"], ["maml"]) is None
    assert queue.next_claimable(["default"], ["maml", "reptile"]) == reptile.pk


# Heartbeats


@database
def test_heartbeat_extends_the_lease_and_shows_on_the_run():
    job = claimed()
    let_lease_expire(job)

    beat = queue.progress(job.pk, job.attempt, step=40, total=200)

    assert beat == queue.Beat(owned=True, cancel_requested=False)
    job.refresh_from_db()
    job.run.refresh_from_db()
    assert job.lease_until > timezone.now()
    assert (job.run.progress_step, job.run.progress_total) == (40, 200)


@database
def test_heartbeat_tells_of_a_cancel():
    job = claimed()
    queue.cancel(job)

    assert queue.heartbeat(job.pk, job.attempt).cancel_requested
    assert queue.watch(job.pk, job.attempt) == queue.Beat(owned=True, cancel_requested=True)


@database
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


# Ends


@database
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


@database
def test_jobs_do_not_finish_as_anything_else():
    job = claimed()

    with pytest.raises(ValueError, match="not a valid JobStatus"):
        queue.finish(job.pk, job.attempt, outcome="crashed")
    with pytest.raises(ValueError, match="does not finish as queued"):
        queue.finish(job.pk, job.attempt, outcome="queued")


@database
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


@database
def test_release_uses_up_no_attempt():
    job = claimed(max_attempts=1)
    for _ in range(5):
        assert queue.release(job.pk, job.attempt, reason="the worker stopped")
        assert state(job) == ("queued", "queued")
        job = again(job)

    queue.lost(job.pk, job.attempt, reason="killed")

    assert state(job)[0] == "failed"
    assert job.reason.startswith("Worker lost once")


@database
@pytest.mark.parametrize("end", [queue.release, queue.lost])
def test_job_to_be_cancelled_is_not_queued_again(end):
    job = claimed()
    queue.cancel(job)

    assert end(job.pk, job.attempt, reason="gone")

    assert state(job) == ("cancelled", "cancelled")


# People


@database
def test_queued_job_is_cancelled_at_once():
    job = make_job()

    queue.cancel(job)

    assert state(job) == ("cancelled", "cancelled")
    assert job.run.finished_at is not None


@database
def test_running_job_is_asked_to_stop_and_asking_twice_is_fine():
    job = claimed()

    queue.cancel(queue.cancel(job))

    assert state(job) == ("running", "running")
    assert job.cancel_requested_at is not None


@database
@pytest.mark.parametrize("status", ["completed", "failed"])
def test_ended_job_cannot_be_cancelled(status):
    with pytest.raises(Conflict, match=status):
        queue.cancel(make_job(status=status))


@database
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


@database
def test_retry_from_start_drops_the_checkpoints():
    job = claimed()
    queue.save_checkpoint(job.pk, job.attempt, step=100, data=b"state")
    queue.finish(job.pk, job.attempt, outcome="failed")

    queue.retry(job, from_start=True)

    assert queue.latest_checkpoint(job.run_id) is None


@database
@pytest.mark.parametrize("status", ["queued", "running", "completed"])
def test_only_failed_or_cancelled_jobs_are_retried(status):
    with pytest.raises(Conflict, match=status):
        queue.retry(make_job(status=status))


@database
def test_priority_of_a_queued_job_changes_its_place():
    first, second = make_job(), make_job()

    queue.set_priority(second, 10)

    assert queue.next_claimable(["default"]) == second.pk
    with pytest.raises(Invalid) as refused:
        queue.set_priority(first, 11)
    assert refused.value.fields == {"priority": ["must be from -10 to 10"]}
    with pytest.raises(Conflict, match="running"):
        queue.set_priority(claimed(), 1)


# Checkpoints


@database
def test_the_last_two_checkpoints_are_kept():
    job = claimed()
    for step in (100, 200, 300):
        queue.save_checkpoint(job.pk, job.attempt, step=step, data=b"state %d" % step)

    steps = Checkpoint.objects.order_by("step").values_list("step", flat=True)

    assert list(steps) == [200, 300]
    assert queue.latest_checkpoint(job.run_id).step == 300


@database
def test_checkpoints_of_other_runs_stay():
    mine, other = claimed(), claimed()
    queue.save_checkpoint(other.pk, other.attempt, step=1, data=b"other")
    for step in (1, 2, 3):
        queue.save_checkpoint(mine.pk, mine.attempt, step=step, data=b"mine")

    assert queue.latest_checkpoint(other.run_id).step == 1


# Sweeping


@database
def test_sweep_requeues_what_has_no_sign_of_life():
    dead, alive = claimed(), claimed()
    let_lease_expire(dead)

    assert queue.sweep().expired == 1

    assert state(dead) == ("queued", "queued")
    assert state(alive) == ("running", "running")
    assert "no sign of life" in dead.reason


@database
def test_sweep_requeues_a_running_job_that_never_had_a_lease():
    job = make_job(status="running", lease_until=None)

    assert queue.sweep().expired == 1

    assert state(job) == ("queued", "queued")


@database
def test_heartbeat_between_look_and_write_saves_the_job():
    job = claimed()

    assert not queue.lost(job.pk, job.attempt, reason="late", only_expired=True)

    assert state(job) == ("running", "running")


@database
def test_jobs_of_a_dead_worker_are_queued_without_waiting_for_their_leases():
    mine, other = claimed(), queue.claim(make_job().pk, worker=make_worker("box/2"))

    assert queue.abandon(Worker.objects.get(name="box/default"), reason="box/default died") == 1

    assert state(mine) == ("queued", "queued")
    assert state(other) == ("running", "running")
    assert history(mine) == ["lost"]


@database
def test_announced_worker_replaces_its_former_self():
    first = make_worker("box/1", stopped_at=timezone.now(), pid=1)
    announcement = queue.Announcement(
        name="box/1", host="box", pid=2, queues=["gpu"], slots=4, devices=[],
        memory_bytes=None, trainers={}, distributions=[],
    )  # fmt: skip

    worker = queue.announce(announcement)
    queue.stopped(first)  # says the former process, late

    worker.refresh_from_db()
    assert worker.pk == first.pk
    assert (worker.pid, worker.queues, worker.slots, worker.stopped_at) == (2, ["gpu"], 4, None)


@database
def test_run_without_job_is_no_concern_of_the_sweep():
    run = make_run()

    queue.sweep()

    run.refresh_from_db()
    assert run.status == "running"
