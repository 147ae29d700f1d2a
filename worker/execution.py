"""One attempt of a job inside its own process: resume, train, record, end.

What ends an attempt: the result (`completed`), the experiment's own failure (`failed`, never
retried), a person (`cancelled`), the worker's clean stop (back to the queue with a checkpoint), a
later attempt (stop at once, write nothing), or the death of this process, which the worker sees.
"""

import logging
import os
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections

from experiments import blobs, lifecycle, queue, recording
from experiments.errors import NotFound, Superseded
from experiments.models import Job
from experiments.models.jobs import JobStatus
from worker import provenance
from worker.metalearning import specs
from worker.metalearning.checkpoint import Checkpoint
from worker.metalearning.errors import CheckpointMismatch, MetaLearningError
from worker.metalearning.training import Report, evaluate_again, train
from worker.recorder import Recorder

logger = logging.getLogger("worker")

ENDED, SUPERSEDED, CANNOT_RECORD, DATABASE_AWAY = 0, 70, 74, 75  # exit statuses
FLUSH_S = 0.7
CHECKPOINT_S = 15.0  # besides the checkpoints that the spec asks for
BEFORE_ALL_STEPS = -1


class Control:
    """What others want of this attempt, and when a checkpoint is due."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.cancel = threading.Event()
        self._saved_at = time.monotonic()

    @property
    def must_end(self) -> bool:
        return self.stop.is_set() or self.cancel.is_set()

    def wants_checkpoint(self) -> bool:
        """True when the attempt is to end, and every `CHECKPOINT_S` seconds."""
        return self.must_end or time.monotonic() - self._saved_at >= CHECKPOINT_S

    def saved(self) -> None:
        self._saved_at = time.monotonic()


def run_attempt(job_id: str, attempt: int, control: Control) -> int:
    """Execute the attempt if it still owns its job; returns the exit status for the supervisor."""
    try:
        job = _owned_job(job_id, attempt)
        _execute(job, control)
    except Superseded as error:
        logger.warning("%s", error)
        return SUPERSEDED
    except DatabaseError:
        # Not the experiment's fault: the supervisor requeues it.
        logger.exception("The database does not answer")
        return DATABASE_AWAY
    return ENDED


def _owned_job(job_id: str, attempt: int) -> Job:
    job = (
        Job.objects.select_related("run__project__workspace")
        .filter(pk=job_id, attempt=attempt, status=JobStatus.RUNNING)
        .first()
    )
    if job is None:
        raise Superseded(f"Attempt {attempt} does not own job {job_id} any more.")
    return job


def _execute(job: Job, control: Control) -> None:
    recorder = Recorder(job, folder=Path.cwd(), total=_total(job))
    pulse = _Pulse(recorder, control)
    work = _evaluate if lifecycle.EVALUATES in job.spec else _train
    try:
        is_complete = work(job, recorder, control, pulse)
    except (Superseded, DatabaseError):
        raise
    except MetaLearningError as error:
        logger.error("%s", error)
        outcome, reason = JobStatus.FAILED, str(error)
    except Exception as error:  # the boundary: whatever the experiment's code raises is its result
        logger.exception("Training failed")
        outcome, reason = JobStatus.FAILED, _last_line(error)
    else:
        outcome, reason = (JobStatus.COMPLETED if is_complete else JobStatus.CANCELLED), ""
    finally:
        pulse.stop()
    _end(recorder, control, outcome, reason)


def _train(job: Job, recorder: Recorder, control: Control, pulse: "_Pulse") -> bool:
    """Resume and train; False when the attempt was told to end before training did."""
    threads = int(os.environ.get("METASCOPE_JOB_THREADS", "1"))
    resume = _resume(job)
    recorder.start_from(resume.step if resume else 0)
    pulse.start()
    provenance.record(job, threads=threads)
    reports = train(
        specs.parse(job.spec),
        device="cpu",
        omniglot_dir=settings.OMNIGLOT_DIR,
        cache_dir=settings.CACHE_DIR,
        datasets_dir=settings.DATASETS_DIR,
        threads=threads,
        resume=resume,
        wants_checkpoint=control.wants_checkpoint,
    )
    return _record(reports, recorder, control, _total(job))


def _evaluate(job: Job, recorder: Recorder, control: Control, pulse: "_Pulse") -> bool:
    """Try the last checkpoint of another run as the spec says; recorded with that run."""
    threads = int(os.environ.get("METASCOPE_JOB_THREADS", "1"))
    asked = job.spec[lifecycle.EVALUATES]
    spec = {key: value for key, value in job.spec.items() if key != lifecycle.EVALUATES}
    pulse.start()
    provenance.record(job, threads=threads)
    checkpoint = _latest_usable(asked["run"])
    if checkpoint is None:
        raise CheckpointMismatch(f"Run {asked['run']} has no checkpoint any more")
    logger.info("Evaluating run %s after meta-step %s", asked["run"], checkpoint.step)
    result = evaluate_again(
        checkpoint,
        specs.parse(spec),
        device="cpu",
        omniglot_dir=settings.OMNIGLOT_DIR,
        cache_dir=settings.CACHE_DIR,
        datasets_dir=settings.DATASETS_DIR,
        threads=threads,
    )
    if control.must_end:
        return False
    recorder.record_for(asked["run"], replace(result, name=asked["name"]))
    logger.info("%s episodes, recorded there as %s", len(result.episode_ids), asked["name"])
    return True


def _total(job: Job) -> int | None:
    """How many meta-steps the job makes; None where it makes none."""
    if lifecycle.EVALUATES in job.spec:
        return None
    steps = job.spec.get("outer", {}).get("steps")
    return steps if isinstance(steps, int) else None


def _end(recorder: Recorder, control: Control, outcome: JobStatus, reason: str) -> None:
    if outcome == JobStatus.CANCELLED and not control.cancel.is_set():
        recorder.release(reason="the worker stopped")
        logger.info("Given back to the queue: the worker stops")
        return
    recorder.finish(outcome=outcome, reason=reason)
    logger.info("The job has %s%s", outcome, f": {reason}" if reason else "")


def _record(
    reports: Iterator[Report], recorder: Recorder, control: Control, total: int | None
) -> bool:
    """Record every report; False when the attempt was told to end before training did.

    Told so between two reports, training makes one more meta-step to hand over a checkpoint, as
    long as there is a meta-step left.
    """
    for report in reports:
        recorder.take(report)
        if report.checkpoint:
            control.saved()
        is_last = report.evaluation is not None and report.evaluation.name == "test"
        can_end = report.checkpoint is not None or total is None or report.step >= total
        if control.must_end and can_end and not is_last:
            return False
    return True


def _resume(job: Job) -> Checkpoint | None:
    """The state to continue from, with every later point dropped. None: from the start."""
    resume = _latest_usable(job.run_id)
    step = resume.step if resume else None
    recording.rewind(
        run_id=job.run_id,
        after_step=BEFORE_ALL_STEPS if step is None else step,
        attempt=job.attempt,
    )
    queue.resumed_from(job.pk, job.attempt, step)
    where = f"from meta-step {step}" if step is not None else "from the start"
    logger.info("Attempt %s of job %s, %s, %s", job.attempt, job.pk, job.trainer, where)
    return resume


def _latest_usable(run_id: str) -> Checkpoint | None:
    """The furthest checkpoint that can be read; those that cannot are dropped, and say so."""
    while (row := queue.latest_checkpoint(run_id)) is not None:
        path = Path.cwd() / "resume.pt"
        try:
            path.write_bytes(blobs.read(row.blob_id))
            return Checkpoint.load(path)
        except (NotFound, blobs.Damaged, MetaLearningError) as error:
            logger.warning("Checkpoint of meta-step %s is not used: %s", row.step, error)
            row.delete()
    return None


def _last_line(error: Exception) -> str:
    """Type and message, as at the end of a traceback; the first line of a long message."""
    return traceback.format_exception_only(error)[-1].splitlines()[0][:1000]


class _Pulse:
    """Flushes points and extends the lease beside training, however long a meta-step takes."""

    def __init__(self, recorder: Recorder, control: Control) -> None:
        self._recorder = recorder
        self._control = control
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when nothing is being written any more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_S):
            try:
                if self._recorder.flush_if_due().cancel_requested:
                    self._control.cancel.set()
            except Superseded as error:
                # Training may be deep in a long step; nothing it still does may count.
                logger.warning("%s", error)
                os._exit(SUPERSEDED)
            except DatabaseError as error:
                logger.warning("Cannot write yet: %s", error)
                connections.close_all()
            except (
                Exception
            ):  # nobody else would see it: without a pulse the attempt must not go on
                logger.exception("The attempt cannot record")
                os._exit(CANNOT_RECORD)
        connections.close_all()
