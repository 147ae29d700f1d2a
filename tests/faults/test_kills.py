"""Whatever is killed in mid-training: the run ends once, complete, with the undisturbed numbers."""

import signal

import pytest

from experiments.models import Checkpoint, Job, JobAttempt, LogChunk
from tests.faults.conftest import Numbers, recorded, submit
from tests.faults.stack import Stack, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.django_db(transaction=True),  # makes the database that `file_database` copies
]


def reached(job: Job, step: int) -> None:
    """Wait until the run is past a step and has a checkpoint."""

    def is_there() -> bool:
        job.run.refresh_from_db()
        return (job.run.progress_step or 0) >= step and Checkpoint.objects.exists()

    wait_until(is_there, f"meta-step {step} is reached")
    job.refresh_from_db()
    assert job.status == "running", job.reason


def ended(job: Job) -> Job:
    def is_over() -> bool:
        job.refresh_from_db()
        return job.status not in ("queued", "running")

    wait_until(is_over, "the job ends")
    job.run.refresh_from_db()
    return job


def outcomes(job: Job) -> list[str]:
    return list(
        JobAttempt.objects.filter(job=job).order_by("number").values_list("outcome", flat=True)
    )


def console(job: Job, **which: int) -> str:
    chunks = LogChunk.objects.filter(run=job.run, **which).order_by("attempt", "number")
    return "".join(chunks.values_list("text", flat=True))


def assert_complete(job: Job, undisturbed: Numbers) -> None:
    ended(job)
    assert (job.status, job.run.status, job.reason) == ("completed", "completed", "")
    assert job.run.progress_step == job.run.progress_total == job.spec["outer"]["steps"]
    recorded(job.run_id).assert_same(undisturbed)


def test_undisturbed_job_has_the_numbers_of_the_engine_alone(
    stack: Stack, undisturbed: Numbers
) -> None:
    stack.start_worker()

    job = submit()

    assert_complete(job, undisturbed)
    assert outcomes(job) == ["completed"]
    assert job.run.snapshot is not None
    assert job.run.environment["threads"] == 1
    wait_until(lambda: "INFO The job has completed\n" in console(job), "the console is complete")
    wait_until(lambda: not (stack.data / "jobs" / job.pk / "1").exists(), "the folder is gone")


def test_job_process_killed_continues_from_its_checkpoint(
    stack: Stack, undisturbed: Numbers
) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 300)

    process = stack.job_process()
    assert process is not None
    process.kill()

    assert_complete(job, undisturbed)
    assert outcomes(job) == ["lost", "completed"]
    second = JobAttempt.objects.get(job=job, number=2)
    assert second.resumed_from_step is not None
    assert second.resumed_from_step >= 100


def test_worker_killed_takes_its_job_along_and_the_next_worker_continues(
    stack: Stack, undisturbed: Numbers
) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 300)
    process = stack.job_process()
    assert process is not None

    stack.kill_worker()

    wait_until(lambda: not process.is_running(), "the job's process dies with its worker", 5)
    stack.start_worker()
    assert_complete(job, undisturbed)
    assert outcomes(job) == ["lost", "completed"]
    # What the first attempt had said before it died was found in its folder.
    assert "from the start" in console(job, attempt=1)


def test_broker_killed_and_restarted_disturbs_no_job_and_the_next_is_found(
    stack: Stack, undisturbed: Numbers
) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 300)

    stack.kill_broker()
    unannounced = submit()  # nobody can be told
    assert_complete(job, undisturbed)
    assert_complete(unannounced, undisturbed)
    stack.start_broker()
    late = submit()

    assert_complete(late, undisturbed)
    assert outcomes(job) == outcomes(unannounced) == outcomes(late) == ["completed"]


def test_wiped_broker_loses_nothing(stack: Stack, undisturbed: Numbers) -> None:
    job, other = submit(), submit()
    stack.client.flushall()
    stack.start_worker()
    reached(job, 300)

    stack.client.flushall()

    assert_complete(job, undisturbed)
    assert_complete(other, undisturbed)
    assert outcomes(job) == outcomes(other) == ["completed"]


def test_stopped_worker_saves_its_job_and_the_next_start_continues(
    stack: Stack, undisturbed: Numbers
) -> None:
    stack.start_worker()
    job = submit()
    reached(job, 300)

    assert stack.stop_worker() == 0

    job.refresh_from_db()
    job.run.refresh_from_db()
    assert (job.status, job.run.status) == ("queued", "queued")
    saved = Checkpoint.objects.filter(run=job.run).order_by("-step").first()
    assert saved is not None
    assert saved.step == job.run.progress_step  # nothing that was done is done again
    stack.start_worker()
    assert_complete(job, undisturbed)
    assert outcomes(job) == ["released", "completed"]
    assert JobAttempt.objects.get(job=job, number=2).resumed_from_step == saved.step


def test_killed_three_times_fails_with_the_reason(stack: Stack) -> None:
    stack.start_worker()
    job = submit()
    for attempt in (1, 2, 3):
        process = wait_until(stack.job_process, f"attempt {attempt} runs")
        process.send_signal(signal.SIGKILL)
        wait_until(lambda p=process: not p.is_running(), "the process is gone")

    ended(job)

    assert (job.status, job.run.status, job.attempt) == ("failed", "failed", 3)
    assert job.reason.startswith("Worker lost 3 times; the last time: its process was killed by")
    assert outcomes(job) == ["lost", "lost", "lost"]
