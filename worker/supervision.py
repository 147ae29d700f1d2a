"""The worker's side of a job's process: start it, listen to it, stop it, say what it came to.

The process ends its attempt in the ledger itself. Whatever it could not say (killed, out of
memory, hung after a cancel) is said here, and every such write carries the attempt's number.
"""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings
from django.db import DatabaseError, connections

from experiments import queue
from experiments.errors import DomainError
from experiments.management import stores
from experiments.models import Job
from worker.console import FILE_NAME, Console

logger = logging.getLogger(__name__)

LOOK_S = 0.2
CONSOLE_S = 0.8
STOP_GRACE_S = 12.0  # from SIGTERM to SIGKILL at the worker's clean stop
CANCEL_GRACE_S = 15.0  # from a person's cancel to SIGKILL; a job normally ends itself in one
_PASSED_ON = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TZ",
    "CUDA_VISIBLE_DEVICES", "METASCOPE_DATABASE_URL", "METASCOPE_DEBUG", "METASCOPE_HEARTBEAT_S",
    "METASCOPE_JOB_NICE", "METASCOPE_LEASE_S", "METASCOPE_NETWORK_PACKAGES", "METASCOPE_OMNIGLOT",
)  # fmt: skip
# Where files are in a bucket: its address, and all that leads an S3 program to its keys.
_TO_THE_BUCKET = ("METASCOPE_BLOBS", "METASCOPE_S3_", "AWS_")


@dataclass
class _Verdict:
    """Why this side killed the process, if it did."""

    outcome: str = ""  # cancelled, failed or released
    reason: str = ""


def supervise(job: Job, stopping: threading.Event) -> None:
    """Run a claimed job in a process of its own until the attempt has ended, one way or another.

    `stopping`: the worker stops; the process gets `STOP_GRACE_S` to save a checkpoint.
    """
    try:
        _finish_consoles(job)
        folder = job_folder(job)
        folder.mkdir(parents=True)
        _Attempt(job, folder, stopping).run()
    except (OSError, DatabaseError, DomainError) as error:
        logger.exception("Job %s, attempt %s: cannot be supervised", job.pk, job.attempt)
        connections.close_all()  # a connection that broke stays broken
        _say_lost(job, f"the worker could not run it: {error}")
    finally:
        connections.close_all()


def job_folder(job: Job) -> Path:
    """The working folder of the job's current attempt."""
    return Path(settings.DATA_DIR) / "jobs" / job.pk / str(job.attempt)


def scrubbed_environment(folder: Path, threads: int) -> dict[str, str]:
    """What a job's process gets to know: an allow-list, and nothing of the broker or the keys,
    except those of the bucket that it stores its code and checkpoints in."""
    passed = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    if stores.bucket():
        passed |= {key: os.environ[key] for key in os.environ if key.startswith(_TO_THE_BUCKET)}
    return {
        **passed,
        "METASCOPE_DATA": str(settings.DATA_DIR),
        "METASCOPE_JOB_THREADS": str(threads),
        "OMP_NUM_THREADS": "1",  # a job's threads share episodes, not the insides of products
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(settings.BASE_DIR),
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": str(folder),
    }


def threads_of_a_job() -> int:
    """CPU threads of each job: its share of the machine."""
    return max(1, (os.cpu_count() or 1) // settings.JOB_SLOTS)


class _Attempt:
    """One process and what is known about it."""

    def __init__(self, job: Job, folder: Path, stopping: threading.Event) -> None:
        self._job = job
        self._folder = folder
        self._stopping = stopping
        self._console = Console(job.run_id, job.attempt, folder)
        self._verdict = _Verdict()
        self._cancelled_at: float | None = None
        self._term_at: float | None = None
        self._pumped_at = self._beaten_at = time.monotonic()

    def run(self) -> None:
        process = self._start()
        logger.info("Job %s, attempt %s: process %s", self._job.pk, self._job.attempt, process.pid)
        try:
            while process.poll() is None:
                self._look(process)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_S)
        finally:
            _kill_group(process)
            self._pump(is_final=True)
        self._judge(process.returncode)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        """The thread that starts it must outlive it: Linux ends the process with that thread."""
        arguments = [str(os.getpid()), self._job.pk, str(self._job.attempt)]
        with (self._folder / FILE_NAME).open("ab") as console:
            return subprocess.Popen(
                [sys.executable, "-m", "worker.runner", *arguments],
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=scrubbed_environment(self._folder, threads_of_a_job()),
                start_new_session=True,
            )

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        now = time.monotonic()
        if self._stopping.is_set() and self._term_at is None:
            self._term_at = now
            process.terminate()
        if self._term_at is not None and now - self._term_at > STOP_GRACE_S:
            self._kill(process, "released", "the worker stopped before a checkpoint was saved")
        if now - self._pumped_at > CONSOLE_S:
            self._pumped_at = now
            self._pump()
            self._check_memory(process)
        if now - self._beaten_at > settings.HEARTBEAT_S:
            self._beaten_at = now
            self._beat(process, now)

    def _beat(self, process: subprocess.Popen[bytes], now: float) -> None:
        """A living process keeps its lease, even while it is still importing."""
        try:
            beat = queue.heartbeat(self._job.pk, self._job.attempt)
        except DatabaseError as error:
            logger.warning("Job %s: no heartbeat: %s", self._job.pk, error)
            connections.close_all()
            return
        if not beat.owned and self._cancelled_at is None:
            # It ended its attempt and is about to exit, or was superseded: either way it is over.
            self._cancelled_at = now
        elif beat.cancel_requested and self._cancelled_at is None:
            self._cancelled_at = now
        if self._cancelled_at is not None and now - self._cancelled_at > CANCEL_GRACE_S:
            self._kill(process, "cancelled", "")

    def _check_memory(self, process: subprocess.Popen[bytes]) -> None:
        limit = settings.JOB_MEMORY_MB * 2**20
        if not limit:
            return
        try:
            used = psutil.Process(process.pid).memory_info().rss
        except psutil.Error:  # it has just ended
            return
        if used > limit:
            reason = f"it used more memory than METASCOPE_JOB_MEMORY_MB={settings.JOB_MEMORY_MB}"
            self._kill(process, "failed", reason)

    def _kill(self, process: subprocess.Popen[bytes], outcome: str, reason: str) -> None:
        if process.poll() is None:
            self._verdict = _Verdict(outcome, reason)
            _kill_group(process)

    def _pump(self, *, is_final: bool = False) -> None:
        try:
            self._console.pump(is_final=is_final)
        except (DatabaseError, DomainError, OSError) as error:
            logger.warning("Job %s: console is not recorded yet: %s", self._job.pk, error)
            connections.close_all()

    def _judge(self, returncode: int) -> None:
        """Say what the process did not; a no-op when it ended its attempt itself."""
        job_id, attempt = self._job.pk, self._job.attempt
        if self._verdict.outcome == "released" or (self._term_at is not None and returncode):
            queue.release(job_id, attempt, reason=self._verdict.reason or "the worker stopped")
        elif self._verdict.outcome:
            queue.finish(
                job_id, attempt, outcome=self._verdict.outcome, reason=self._verdict.reason
            )
        else:
            queue.lost(job_id, attempt, reason=_describe_exit(returncode))


def _describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"its process ended with status {returncode} before the job was over"
    name = signal.Signals(-returncode).name
    hint = " (the machine may be out of memory)" if -returncode == signal.SIGKILL else ""
    return f"its process was killed by {name}{hint}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it lives, and whatever it started and left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _say_lost(job: Job, reason: str) -> None:
    try:
        queue.lost(job.pk, job.attempt, reason=reason)
    except DatabaseError:
        logger.exception("Job %s: the sweep requeues it when its lease runs out", job.pk)


def _finish_consoles(job: Job) -> None:
    """Record what earlier attempts on this machine had written when their worker died.

    Such a worker may only have been frozen, and go on meanwhile: then the rest is its to record.
    """
    attempts = job_folder(job).parent
    for folder in sorted(attempts.iterdir()) if attempts.is_dir() else []:
        if not folder.name.isdecimal() or int(folder.name) >= job.attempt:
            continue
        try:
            Console(job.run_id, int(folder.name), folder).pump(is_final=True)
        except (OSError, DomainError) as error:
            logger.warning("Console of %s is left as it is: %s", folder, error)
        else:
            shutil.rmtree(folder, ignore_errors=True)
