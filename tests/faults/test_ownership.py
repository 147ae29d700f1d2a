"""One owner at a time, in real processes: cancels, races, frozen attempts, failures."""

import signal

import psutil
import pytest

from experiments import queue
from experiments.models import Job, JobAttempt, MetricBatch, Worker
from tests import database
from tests.faults.jobs import assert_complete, console, ended, outcomes, reached, submit
from tests.faults.numbers import SHORT, SPEC
from tests.faults.stack import Stack, wait_until
from tests.processes import is_gone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def freeze_between_writes(process: psutil.Process) -> None:
    """Stop the process where it holds no lock: others would wait for it, frozen or not."""

    def is_frozen_without_lock() -> bool:
        process.suspend()
        if database.somebody_writes():
            process.resume()
            return False
        return True

    wait_until(is_frozen_without_lock, "the process is frozen without a lock")


def test_cancel_in_mid_training_keeps_the_points_and_a_retry_completes(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 200)

    queue.cancel(job)

    ended(job)
    assert (job.status, job.run.status) == ("cancelled", "cancelled")
    assert job.run.progress_step is not None
    assert 200 <= job.run.progress_step < 800
    queue.retry(job)
    assert_complete(job)
    assert outcomes(job) == ["cancelled", "completed"]
    # It went on from where the cancel had found it.
    second = JobAttempt.objects.get(job=job, number=2)
    assert second.resumed_from_step is not None
    assert second.resumed_from_step >= 200


@pytest.mark.on_postgresql
def test_two_workers_share_the_jobs_and_each_job_runs_once(stack: Stack) -> None:
    stack.start_worker("1")
    stack.start_worker("2")
    wait_until(lambda: Worker.objects.count() == 2, "both workers look for jobs")

    jobs = [submit(SHORT) for _ in range(3)]  # one more than the slots of one worker

    for job in jobs:
        assert_complete(job)
        assert outcomes(job) == ["completed"]
    workers = JobAttempt.objects.values_list("worker_name", flat=True)
    assert len(workers) == 3
    assert set(workers) == {"1@test", "2@test"}


@pytest.mark.on_postgresql
def test_frozen_worker_is_superseded_and_writes_nothing_more(stack: Stack) -> None:
    stack.start_worker("1", METASCOPE_LEASE_S="5")
    job = submit()
    reached(job, 200)
    process = stack.job_process("1")
    assert process is not None
    stack.workers["1"].send_signal(signal.SIGSTOP)
    freeze_between_writes(process)
    batches = MetricBatch.objects.filter(run=job.run, client="job-1")
    written = batches.count()

    stack.start_worker("2", METASCOPE_LEASE_S="5")
    wait_until(lambda: Job.objects.get(pk=job.pk).attempt > 1, "the other worker takes over")
    process.resume()
    stack.workers["1"].send_signal(signal.SIGCONT)

    wait_until(lambda: is_gone(process), "the superseded process ends by itself")
    assert_complete(job)
    first, *others = outcomes(job)
    assert (first, others[-1]) == ("lost", "completed")
    assert batches.count() == written


def test_diverging_training_fails_with_metric_and_step_and_keeps_its_points(stack: Stack) -> None:
    stack.start_worker()
    spec = {**SPEC, "inner": {**SPEC["inner"], "lr": 10.0, "steps": 20}}

    job = ended(submit(spec))

    assert (job.status, job.run.status) == ("failed", "failed")
    assert "is not finite at meta-step" in job.reason
    assert job.run.status_reason == job.reason
    assert outcomes(job) == ["failed"]
    assert job.run.series.filter(nonfinite__gt=0, first_bad_step__isnull=False).exists()


def test_failed_experiment_is_not_retried_and_shows_its_traceback(stack: Stack) -> None:
    stack.start_worker()
    # Passes the schema of nobody: as if a worker of another version had announced it.
    job = ended(submit({**SPEC, "network": {"kind": "mlp", "hidden": [40, 40], "depth": 3}}))

    assert (job.status, outcomes(job)) == ("failed", ["failed"])
    assert "depth" in job.reason
    wait_until(lambda: job.reason in console(job), "the reason is in the console")
    lines = [line for line in console(job).splitlines() if job.reason in line]
    assert any(" ERROR " in line for line in lines)


def test_job_over_its_memory_limit_fails_with_the_reason(stack: Stack) -> None:
    stack.start_worker(METASCOPE_JOB_MEMORY_MB="50")

    job = ended(submit())

    assert job.status == "failed"
    assert job.reason == "it used more memory than METASCOPE_JOB_MEMORY_MB=50"
    assert outcomes(job) == ["failed"]
