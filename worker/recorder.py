"""Writes what training reports: points by the second, evaluations, checkpoints, and the end.

Points reach the journal before the checkpoint that follows them is stored. A checkpoint is held
until the next report, so that the last one, which the test's points share their step with, is
stored in the transaction that ends the job: no attempt ever resumes after its own test.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from experiments import initialisations, model_layers, queue, recording
from experiments.errors import DomainError, Superseded
from experiments.model_layers import Layer
from experiments.models import Job, Run
from experiments.shapes import SeriesPoints
from worker.metalearning.checkpoint import Checkpoint
from worker.metalearning.evaluation import EvaluationResult
from worker.metalearning.training import Report

logger = logging.getLogger("worker")

FLUSH_POINTS = 20_000
SAY_EVERY_S = 5.0


class Recorder:
    """Buffers the points of one attempt. Its methods may be called from several threads."""

    def __init__(self, job: Job, *, folder: Path, total: int | None) -> None:
        self._job = job
        self._folder = folder
        self._total = total
        self._step = 0
        self._beaten_at = 0.0
        self._lock = threading.RLock()
        self._points: dict[str, list[tuple[int, float, float]]] = {}
        self._count = 0
        self._outgoing: dict[int, list[SeriesPoints]] = {}
        self._number = 0
        self._checkpoint: Checkpoint | None = None
        self._said_at = 0.0
        self._is_described = False

    def start_from(self, step: int) -> None:
        """Progress starts at this meta-step."""
        with self._lock:
            self._step = step

    def take(self, report: Report) -> None:
        """Keep what a report says. Raises Superseded when the attempt lost its job."""
        with self._lock:
            self._save_checkpoint()
            now = time.time()
            for key, value in report.metrics.items():
                self._points.setdefault(key, []).append((report.step, now, value))
                self._count += 1
            self._step = max(self._step, report.step)
            self._checkpoint = report.checkpoint
            for result in filter(None, (report.seen, report.evaluation)):
                self._record_evaluation(result)
            if self._count >= FLUSH_POINTS:
                self.flush()
        self._say(report)

    def flush(self) -> queue.Beat:
        """Write the buffered points and the progress; also a heartbeat. Raises Superseded."""
        with self._lock, transaction.atomic():
            if self._points:
                series = [_series(key, points) for key, points in self._points.items()]
                self._outgoing[self._number] = series
                self._points, self._count = {}, 0
                self._number += 1
            beat = queue.progress(
                self._job.pk, self._job.attempt, step=self._step, total=self._total
            )
            self._demand(beat.owned)
            # A batch whose transaction failed is sent again as it was, under its number.
            for number in self._outgoing:
                self._record(number)
            transaction.on_commit(self._outgoing.clear)
            self._beaten_at = time.monotonic()
        return beat

    def flush_if_due(self) -> queue.Beat:
        """Flush when there are points, beat when it is time, and always see what is wanted."""
        with self._lock:
            is_due = time.monotonic() - self._beaten_at >= settings.HEARTBEAT_S
            if self._points or self._outgoing or is_due:
                return self.flush()
        beat = queue.watch(self._job.pk, self._job.attempt)
        self._demand(beat.owned)
        return beat

    def finish(self, *, outcome: str, reason: str = "") -> None:
        """Write all that is left and end the job, together. Raises Superseded."""
        with self._lock, transaction.atomic():
            self._write_all()
            self._demand(
                queue.finish(self._job.pk, self._job.attempt, outcome=outcome, reason=reason)
            )

    def release(self, *, reason: str) -> None:
        """Write all that is left and give the job back to the queue. Raises Superseded."""
        with self._lock, transaction.atomic():
            self._write_all()
            self._demand(queue.release(self._job.pk, self._job.attempt, reason=reason))

    def _write_all(self) -> None:
        self._save_checkpoint()
        self.flush()

    def _demand(self, owned: bool) -> None:
        if not owned:
            raise Superseded(f"Attempt {self._job.attempt} does not own the job any more.")

    def _record(self, number: int) -> None:
        recording.record(
            run_id=self._job.run_id,
            client=f"job-{self._job.attempt}",
            number=number,
            series=self._outgoing[number],
            attempt=self._job.attempt,
        )

    def _save_checkpoint(self) -> None:
        """Store the held checkpoint, after every point up to its step."""
        if self._checkpoint is None:
            return
        path = self._folder / "checkpoint.pt"
        self._checkpoint.save(path)
        self.flush()
        queue.save_checkpoint(
            self._job.pk,
            self._job.attempt,
            step=self._checkpoint.step,
            data=path.read_bytes(),
        )
        self._describe(self._checkpoint)
        self._checkpoint = None

    def _describe(self, checkpoint: Checkpoint) -> None:
        """What the network is made of, once for an attempt."""
        if self._is_described or not checkpoint.parameters:
            return
        self._is_described = True
        layers = [
            Layer(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
            for name, tensor in checkpoint.parameters.items()
        ]
        try:
            model_layers.record(self._job.run, "network", layers)
        except DomainError as error:  # no reason to end a training
            logger.warning("What the network is made of is not kept: %s", error.message)

    def record_for(self, run_id: str, result: EvaluationResult) -> None:
        """Store an evaluation of another run, if this attempt owns its job. Raises Superseded."""
        with self._lock, transaction.atomic():
            self.flush()
            self._store(result, run_id=run_id, attempt=None)
            self._tell_first(run_id, result)

    def _tell_first(self, run_id: str, result: EvaluationResult) -> None:
        """Of a run that ended before such were kept; what its own test tried stays otherwise."""
        run = Run.objects.select_related("project").get(pk=run_id)
        kept = initialisations.having_one(Run.objects.filter(pk=run_id)).exists()
        if result.initialisation is not None and not kept:
            self._tell(run, result.initialisation)

    def _record_evaluation(self, result: EvaluationResult) -> None:
        self._store(result, run_id=self._job.run_id, attempt=self._job.attempt)
        if result.initialisation is not None:
            self._tell(self._job.run, result.initialisation)

    def _tell(self, run: Run, initialisation: dict[str, Any]) -> None:
        """What was tested, as plain numbers that readers adapt."""
        try:
            initialisations.record(run, initialisation)
        except DomainError as error:  # no reason to end a training
            logger.warning("The initialisation is not kept as plain numbers: %s", error.message)

    def _store(self, result: EvaluationResult, *, run_id: str, attempt: int | None) -> None:
        recording.record_evaluation(
            run_id=run_id,
            attempt=attempt,
            name=result.name,
            split=str(result.split),
            step=result.step,
            episode_ids=result.episode_ids,
            losses=result.losses,
            accuracies=result.accuracies,
            inner_steps=result.losses.shape[1] - 1,
            protocol=result.protocol,
            illustration=result.illustration,
            answers=result.answers,
        )

    def _say(self, report: Report) -> None:
        """A line for the console: messages and evaluations always, steps every few seconds."""
        if report.message:
            logger.info(report.message)
        is_due = time.monotonic() - self._said_at >= SAY_EVERY_S
        if not report.metrics or not (is_due or report.evaluation):
            return
        self._said_at = time.monotonic()
        of = f"/{self._total}" if self._total else ""
        shown = list(report.metrics.items())[:8]
        numbers = "  ".join(f"{key} {value:.5g}" for key, value in shown)
        logger.info("meta-step %s%s  %s", report.step, of, numbers)


def _series(key: str, points: list[tuple[int, float, float]]) -> SeriesPoints:
    steps, times, values = zip(*points, strict=True)
    return SeriesPoints(
        key=key,
        steps=np.array(steps, dtype=np.int64),
        times=np.array(times, dtype=np.float64),
        values=np.array(values, dtype=np.float64),
    )
