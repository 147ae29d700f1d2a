"""Jobs of the fault tests: submit, wait, and read what they came to."""

from typing import Any

from experiments import queue, reading
from experiments.models import Checkpoint, Evaluation, Job, JobAttempt, LogChunk
from tests.factories import make_job, make_project, make_run
from tests.faults.numbers import SPEC, Numbers, Points, undisturbed
from tests.faults.stack import wait_until


def submit(spec: dict[str, Any] = SPEC, **fields: Any) -> Job:
    """A queued job of one thread on every machine, its workers told."""
    run = make_run(make_project(), status="queued", params=spec, seed=spec["seed"])
    job = make_job(run, spec=spec, **fields)
    queue.ring(job)
    return job


def reached(job: Job, step: int) -> None:
    """Wait until the run is past a step and has a checkpoint."""

    def is_there() -> bool:
        job.run.refresh_from_db()
        has_checkpoint = Checkpoint.objects.filter(run=job.run).exists()
        return (job.run.progress_step or 0) >= step and has_checkpoint

    wait_until(is_there, f"meta-step {step} is reached")
    job.refresh_from_db()
    assert job.status == "running", job.reason


def ended(job: Job) -> Job:
    """Wait for the end, whatever it is."""

    def is_over() -> bool:
        job.refresh_from_db()
        return job.status not in ("queued", "running")

    wait_until(is_over, "the job ends")
    job.run.refresh_from_db()
    return job


def outcomes(job: Job) -> list[str]:
    """Of each attempt, in order."""
    attempts = JobAttempt.objects.filter(job=job).order_by("number")
    return list(attempts.values_list("outcome", flat=True))


def console(job: Job, **which: int) -> str:
    chunks = LogChunk.objects.filter(run=job.run, **which).order_by("attempt", "number")
    return "".join(chunks.values_list("text", flat=True))


def assert_complete(job: Job) -> None:
    """The job completed, its run agrees, and has exactly the numbers of the engine alone."""
    ended(job)
    assert (job.status, job.run.status, job.reason) == ("completed", "completed", "")
    assert job.run.progress_step == job.run.progress_total == job.spec["outer"]["steps"]
    recorded(job.run_id).assert_same(undisturbed(job.spec))


def recorded(run_id: str) -> Numbers:
    """Every point and every episode of a run, as anybody reads them."""
    keys = [key for key in reading.series_keys([run_id])[run_id] if not key.startswith("system/")]
    evaluations = {}
    for evaluation in Evaluation.objects.filter(run_id=run_id):
        episodes = reading.episodes(evaluation)
        evaluations[evaluation.name, evaluation.step] = (list(episodes.ids), episodes.losses)
    return Numbers({key: _points(run_id, key) for key in keys}, evaluations)


def _points(run_id: str, key: str) -> list[tuple[int, float]]:
    found: Points = {key: []}
    after = None
    while True:
        page = reading.points(run_id, key, after=after, limit=1000)
        found[key] += [(point.step, point.value) for point in page.points]
        if (after := page.next) is None:
            return found[key]
