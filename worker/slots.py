"""The slots of a worker: one thread that finds work in the ledger, one thread per running job.

The finder looks when the doorbell rings, when a job ends, and every few seconds whatever happens,
so a broker that is dead, wiped or deaf costs latency and nothing else. It also beats for the worker
and sweeps, so that lost jobs are found even where no beat process runs.
"""

import logging
import threading
import time

import psutil
from django.conf import settings
from django.db import DatabaseError, connections

from experiments import queue
from experiments.models import Job, Worker
from worker import trainers
from worker.supervision import supervise
from worker.sweeps import sweep, tell

logger = logging.getLogger(__name__)

LOOK_S = 2.0
SWEEP_S = 5.0
TELL_S = 2.0
DATA_S = 10.0


class Slots:
    """Runs up to `announcement.slots` jobs at once until it is told to stop."""

    def __init__(self, announcement: queue.Announcement) -> None:
        self._announcement = announcement
        self._worker: Worker | None = None
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._running: set[threading.Thread] = set()
        self._finder = threading.Thread(target=self._find, name="finder", daemon=True)
        self._describer: threading.Thread | None = None
        self._data: object = None
        self._teller: threading.Thread | None = None
        self._due: dict[str, float] = {}

    def start(self) -> None:
        self._finder.start()

    def wake(self) -> None:
        """There may be work. Any thread may call this, a signal handler too."""
        self._bell.set()

    def request_stop(self) -> None:
        """Claim nothing more and have the running jobs release themselves. Returns at once."""
        self._stopping.set()
        self._bell.set()

    def join(self, timeout_s: float) -> bool:
        """Wait until every job has ended or was given back; False when time ran out."""
        self._finder.join(timeout_s)
        return not self._finder.is_alive()

    def _find(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tick()
            except DatabaseError as error:
                logger.warning("The database does not answer, trying again: %s", error)
                connections.close_all()
            except Exception:  # the thread's boundary: a worker that stops looking is useless
                logger.exception("Looking for work failed, trying again")
                connections.close_all()
            self._bell.wait(LOOK_S)
            self._bell.clear()
        self._wind_down()

    def _tick(self) -> None:
        if self._worker is None:
            _take_over(self._announcement)
            self._worker = queue.announce(self._announcement)
            logger.info("Announced %s with %s slots", self._worker.name, self._worker.slots)
        if self._is_due("beat", settings.HEARTBEAT_S):
            queue.beat(self._worker)
        if self._is_due("sweep", SWEEP_S):
            sweep()
        if self._is_due("tell", TELL_S):
            self._tell()
        if self._is_due("data", DATA_S):
            self._describe_data(self._worker)
        while not self._stopping.is_set() and self._has_room():
            job_id = queue.next_claimable(self._announcement.queues, self._announcement.trainers)
            if job_id is None:
                return
            job = queue.claim(job_id, worker=self._worker)
            if job is not None:
                self._run(job)

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_s
        return True

    def _has_room(self) -> bool:
        with self._lock:
            return len(self._running) < self._announcement.slots

    def _run(self, job: Job) -> None:
        thread = threading.Thread(
            target=self._supervise, args=(job,), name=f"job-{job.pk}", daemon=True
        )
        with self._lock:
            self._running.add(thread)
        thread.start()

    def _supervise(self, job: Job) -> None:
        try:
            supervise(job, self._stopping)
        finally:
            with self._lock:
                self._running.discard(threading.current_thread())
            self._bell.set()

    def _tell(self) -> None:
        """Tell of events beside everything else: an address may take its time to answer."""
        if self._teller is None or not self._teller.is_alive():
            self._teller = threading.Thread(target=_tell, name="telling", daemon=True)
            self._teller.start()

    def _describe_data(self, worker: Worker) -> None:
        """Read the task distributions beside everything else, again whenever their files change."""
        data = trainers.data_on_disk()
        busy = self._describer is not None and self._describer.is_alive()
        if busy or (self._describer is not None and data == self._data):
            return
        self._data = data
        self._describer = threading.Thread(
            target=_describe, args=(worker,), name="distributions", daemon=True
        )
        self._describer.start()

    def _wind_down(self) -> None:
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join()
        if self._worker is not None:
            try:
                queue.stopped(self._worker)
            except DatabaseError:
                logger.exception("Could not say that the worker stopped")
        connections.close_all()


def _take_over(announcement: queue.Announcement) -> None:
    """Requeue what a dead process of the same name had, without waiting for its leases.

    Its jobs died with it. Should its number belong to another process by now, the sweep does it.
    """
    former = Worker.objects.filter(name=announcement.name, host=announcement.host).first()
    if former is not None and not psutil.pid_exists(former.pid):
        queue.abandon(former, reason=f"{former.name} died")


def _tell() -> None:
    try:
        tell()
    except Exception:  # the thread's boundary: the next one tries again
        logger.exception("Events could not be told of, trying again")
    finally:
        connections.close_all()


def _describe(worker: Worker) -> None:
    try:
        queue.describe_distributions(worker, trainers.distributions())
    except Exception:  # the thread's boundary: broken archives must not stop the other algorithms
        logger.exception("The task distributions cannot be described")
    finally:
        connections.close_all()
