"""Jobs in the states that tests of the ledger begin with."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from experiments import queue
from experiments.models import Job, Worker
from tests.factories import make_job, make_worker


def claimed(**fields: Any) -> Job:
    """A job in its first attempt."""
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
    """The status of the job and of its run, read anew."""
    job.refresh_from_db()
    job.run.refresh_from_db()
    return job.status, job.run.status


def let_lease_expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def history(job: Job) -> list[str]:
    """The outcome of each attempt; "" while it lasts."""
    return list(job.attempts.order_by("number").values_list("outcome", flat=True))
