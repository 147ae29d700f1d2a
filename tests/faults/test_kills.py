"""Whatever is killed in mid-training: the run ends once, complete, with the undisturbed numbers."""

import signal

import pytest

from experiments.models import Checkpoint, JobAttempt
from tests.faults.jobs import assert_complete, console, ended, outcomes, reached, submit
from tests.faults.numbers import SHORT
from tests.faults.stack import Stack, wait_until
from tests.processes import is_gone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def test_undisturbed_job_has_the_numbers_of_the_engine_alone(stack: Stack) -> None:
    stack.start_worker()

    job = submit()

    assert_complete(job)
    assert outcomes(job) == ["completed"]
    assert job.run.snapshot is not None
    wait_until(lambda: "INFO The job has completed\n" in console(job), "the console is complete")
    wait_until(lambda: not (stack.data / "jobs" / job.pk / "1").exists(), "the folder is gone")


@pytest.mark.on_postgresql
def test_job_process_killed_continues_from_its_checkpoint(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 200)

    process = stack.job_process()
    assert process is not None
    process.kill()

    assert_complete(job)
    assert outcomes(job) == ["lost", "completed"]
    second = JobAttempt.objects.get(job=job, number=2)
    assert second.resumed_from_step is not None
    assert second.resumed_from_step >= 150


def test_worker_killed_takes_its_job_along_and_the_next_worker_continues(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 200)
    process = stack.job_process()
    assert process is not None

    stack.kill_worker()

    wait_until(lambda: is_gone(process), "the job's process dies with its worker", 5)
    stack.start_worker()
    assert_complete(job)
    assert outcomes(job) == ["lost", "completed"]
    # What the first attempt had said before it died was found in its folder.
    assert "from the start" in console(job, attempt=1)


def test_broker_killed_and_restarted_disturbs_no_job_and_the_next_is_found(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 200)

    stack.kill_broker()
    unannounced = submit(SHORT)  # nobody can be told
    assert_complete(job)
    assert_complete(unannounced)
    stack.start_broker()
    late = submit(SHORT)

    assert_complete(late)
    assert outcomes(job) == outcomes(unannounced) == outcomes(late) == ["completed"]


def test_wiped_broker_loses_nothing(stack: Stack) -> None:
    job, other = submit(), submit(SHORT)
    stack.client.flushall()
    stack.start_worker()
    reached(job, 200)

    stack.client.flushall()

    assert_complete(job)
    assert_complete(other)
    assert outcomes(job) == outcomes(other) == ["completed"]


def test_broker_that_refuses_all_writes_ends_neither_worker_nor_job(stack: Stack) -> None:
    stack.client.config_set("maxmemory", 1)
    worker = stack.start_worker()

    job = submit(SHORT)

    assert_complete(job)
    stack.client.config_set("maxmemory", 0)
    wait_until(lambda: "test ready." in stack.log(), "the worker listens once it can")
    assert worker.poll() is None


def test_stopped_worker_saves_its_job_and_the_next_start_continues(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 200)

    assert stack.stop_worker() == 0

    job.refresh_from_db()
    job.run.refresh_from_db()
    assert (job.status, job.run.status) == ("queued", "queued")
    saved = Checkpoint.objects.filter(run=job.run).order_by("-step").first()
    assert saved is not None
    assert saved.step == job.run.progress_step  # nothing that was done is done again
    stack.start_worker()
    assert_complete(job)
    assert outcomes(job) == ["released", "completed"]
    assert JobAttempt.objects.get(job=job, number=2).resumed_from_step == saved.step


def test_killed_three_times_fails_with_the_reason(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    for attempt in (1, 2, 3):
        process = wait_until(stack.job_process, f"attempt {attempt} runs")
        process.send_signal(signal.SIGKILL)
        wait_until(lambda p=process: is_gone(p), "the process is gone")

    ended(job)

    assert (job.status, job.run.status, job.attempt) == ("failed", "failed", 3)
    assert job.reason.startswith("Worker lost 3 times; the last time: its process was killed by")
    assert outcomes(job) == ["lost", "lost", "lost"]
