"""Claiming: one owner, the highest priority first, only what a worker can run."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from experiments import queue
from experiments.models import JobAttempt, Worker
from tests.experiments.queue_jobs import claimed, history, state
from tests.factories import SHORT_SPEC, make_job, make_worker

database = pytest.mark.django_db


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
