"""The sweep and the workers: what died is queued again, what lives is left alone."""

import pytest
from django.utils import timezone

from experiments import queue
from experiments.models import Worker
from tests.experiments.queue_jobs import claimed, history, let_lease_expire, state
from tests.factories import make_job, make_run, make_worker

pytestmark = pytest.mark.django_db


def test_sweep_requeues_what_has_no_sign_of_life():
    dead, alive = claimed(), claimed()
    let_lease_expire(dead)

    assert queue.sweep().expired == 1

    assert state(dead) == ("queued", "queued")
    assert state(alive) == ("running", "running")
    assert "no sign of life" in dead.reason


def test_sweep_requeues_a_running_job_that_never_had_a_lease():
    job = make_job(status="running", lease_until=None)

    assert queue.sweep().expired == 1

    assert state(job) == ("queued", "queued")


def test_heartbeat_between_look_and_write_saves_the_job():
    job = claimed()

    assert not queue.lost(job.pk, job.attempt, reason="late", only_expired=True)

    assert state(job) == ("running", "running")


def test_jobs_of_a_dead_worker_are_queued_without_waiting_for_their_leases():
    mine, other = claimed(), queue.claim(make_job().pk, worker=make_worker("box/2"))

    assert queue.abandon(Worker.objects.get(name="box/default"), reason="box/default died") == 1

    assert state(mine) == ("queued", "queued")
    assert state(other) == ("running", "running")
    assert history(mine) == ["lost"]


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


def test_run_without_job_is_no_concern_of_the_sweep():
    run = make_run()

    queue.sweep()

    run.refresh_from_db()
    assert run.status == "running"
