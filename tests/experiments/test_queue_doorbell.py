"""The doorbell: rung after commit, never in the way, again for jobs that wait."""

import logging
from datetime import timedelta

import pytest
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from experiments import queue
from experiments.queue import doorbell
from tests.factories import make_job, make_worker
from worker import tasks

database = pytest.mark.django_db


@pytest.fixture
def rung(monkeypatch):
    """What was published: (job id, queue)."""
    published = []
    monkeypatch.setattr(doorbell, "publish", lambda *message: published.append(message))
    return published


@database
def test_ring_waits_for_the_commit(rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        job = make_job(queue="gpu")
        queue.ring(job)
        assert rung == []

    assert rung == [(job.pk, "gpu")]
    job.refresh_from_db()
    assert job.rung_at is not None


@database
@pytest.mark.parametrize("error", [OperationalError("away"), ConnectionResetError("away")])
def test_broker_that_is_away_costs_one_log_line(monkeypatch, caplog, error):
    tried = []

    def send(*arguments, **options):
        tried.append(arguments)
        raise error

    monkeypatch.setattr(doorbell, "_line", doorbell._Line())
    monkeypatch.setattr(current_app, "send_task", send)

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            doorbell.publish("j", "default")

    assert len(tried) == 1  # then it is left alone for a while
    assert [record.message for record in caplog.records] == [
        "Broker does not answer (away): workers find job j alone"
    ]


def test_the_message_is_the_job_id_and_its_task_exists(monkeypatch):
    sent = []
    monkeypatch.setattr(doorbell, "_line", doorbell._Line())
    monkeypatch.setattr(current_app, "send_task", lambda *a, **options: sent.append((a, options)))

    doorbell.publish("j", "gpu")

    ((name,), options), *_ = sent
    assert (options["args"], options["queue"], options["retry"]) == (["j"], "gpu", False)
    assert name == tasks.run_job.name
    assert name in current_app.tasks


@database
def test_sweep_rings_again_for_a_job_that_waits_where_a_worker_listens(
    rung, django_capture_on_commit_callbacks
):
    make_worker(queues=["default"])
    long_ago = timezone.now() - timedelta(minutes=1)
    waiting = make_job(rung_at=long_ago)
    make_job(rung_at=timezone.now())
    make_job(rung_at=long_ago, queue="gpu")  # nobody listens there
    make_job(rung_at=long_ago, status="completed")

    with django_capture_on_commit_callbacks(execute=True):
        assert queue.sweep().rung == 1
        assert queue.sweep().rung == 0

    assert rung == [(waiting.pk, "default")]


@database
@pytest.mark.parametrize(
    "worker",
    [{"stopped_at": timezone.now()}, {"heartbeat_at": timezone.now() - timedelta(minutes=1)}],
)
def test_no_message_piles_up_where_no_worker_lives(rung, worker):
    make_worker(**worker)
    make_job(rung_at=None)

    assert queue.sweep().rung == 0
    assert rung == []


@database
def test_requeued_job_is_rung(rung, django_capture_on_commit_callbacks):
    job = queue.claim(make_job().pk, worker=make_worker())

    with django_capture_on_commit_callbacks(execute=True):
        queue.lost(job.pk, job.attempt, reason="killed")

    assert rung == [(job.pk, "default")]
