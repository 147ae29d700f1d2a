"""Celery's entry points. Messages are doorbells: they make this worker look at the ledger."""

import logging
import os
import time
from typing import Any

from celery import Celery, current_app, shared_task
from celery.apps.worker import Worker as CeleryWorker
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down
from django.conf import settings

from experiments import blobs, events, folding, inbox, lifecycle, retention, uploads
from experiments.errors import DomainError
from worker import trainers
from worker.slots import Slots
from worker.sweeps import sweep

logger = logging.getLogger(__name__)

SWEPT_KEY = "metascope:swept"  # /healthz: beat and a worker are alive
SWEPT_EXPIRES_S = 30
STOP_LIMIT_S = 18.0
FOLDED_AT_ONCE = 50

_slots: Slots | None = None  # of this process; None outside a worker


@shared_task(name="worker.tasks.run_job")
def run_job(job_id: str) -> None:
    """Somebody queued `job_id`. The slots claim whatever is first by priority and age.

    Returns at once, so messages are never redelivered for taking long and never wait behind jobs.
    """
    if _slots is not None:
        _slots.wake()


@shared_task(name="worker.tasks.sweep_jobs")
def sweep_jobs() -> None:
    """Look for whatever died, and note that this was done."""
    swept = sweep()
    if swept.expired or swept.rung:
        logger.info("Swept: %s lost, %s rung again", swept.expired, swept.rung)
    _note_sweep(current_app)


@shared_task(name="worker.tasks.fold_series")
def fold_series() -> None:
    """Fold accepted batches into chunks, empty the trash, erase versions of artifacts that are
    older than they are kept, delete blobs nothing refers to, forget events of long ago."""
    folding.fold_pending(FOLDED_AT_ONCE)
    folding.give_back_room()
    lifecycle.empty_trash()
    retention.sweep()
    _collect_blobs()
    uploads.drop_stale_parts()
    events.drop_old()
    inbox.drop_old()


def _collect_blobs() -> None:
    """Nothing is deleted from a store that is not the one files were put into, or is away."""
    try:
        blobs.collect()
    except DomainError as error:
        logger.warning("No stored file was deleted: %s", error)


def _note_sweep(app: Celery) -> None:
    with app.connection_for_write() as connection:
        connection.default_channel.client.set(SWEPT_KEY, f"{time.time():.3f}", ex=SWEPT_EXPIRES_S)


@celeryd_after_setup.connect
def start_slots(sender: str, instance: CeleryWorker, **_: Any) -> None:
    """Before the broker is reached: jobs run without one."""
    global _slots
    _slots = Slots(
        trainers.announcement(
            name=sender,
            pid=os.getpid(),
            queues=list(instance.app.amqp.queues.consume_from),
            slots=settings.JOB_SLOTS,
        )
    )
    _slots.start()


@worker_shutting_down.connect
def request_stop(**_: Any) -> None:
    """Runs inside the signal handler: it may set flags and nothing else."""
    if _slots is not None:
        _slots.request_stop()


@worker_shutdown.connect
def wait_for_slots(**_: Any) -> None:
    """Jobs save a checkpoint and go back to the queue before the process ends."""
    if _slots is not None:
        _slots.request_stop()
        if not _slots.join(STOP_LIMIT_S):
            logger.warning("Jobs did not stop in time; the sweep requeues them")
