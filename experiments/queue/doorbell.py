"""The doorbell: a message that tells workers to look at the ledger. It may get lost, always."""

import logging
import threading
import time
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from experiments.models import Job

logger = logging.getLogger(__name__)

# Workers look by themselves within seconds; a message older than this tells them nothing new.
MESSAGE_EXPIRES_S = 60
# A broker that hangs costs one caller its timeout, then nobody for this long.
REST_AFTER_FAILURE_S = 10.0
# A connection of its own: those of the pool try for seconds, whatever `retry` says.
_ONE_TRY = {"max_retries": 0, "socket_connect_timeout": 1.0, "socket_timeout": 1.0}


class _Line:
    """Whether the broker answered lately. Shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quiet_until = 0.0

    def is_quiet(self) -> bool:
        with self._lock:
            return time.monotonic() < self._quiet_until

    def rest(self) -> None:
        with self._lock:
            self._quiet_until = time.monotonic() + REST_AFTER_FAILURE_S


_line = _Line()


def ring(job: Job) -> None:
    """Tell the workers of the job's queue, once the current transaction is committed.

    Never fails for want of a broker: workers and the sweep find the job without a message.
    """
    Job.objects.filter(pk=job.pk).update(rung_at=Now())
    transaction.on_commit(partial(publish, job.pk, job.queue))


def publish(job_id: str, queue: str) -> None:
    """Send the message now. A broker that is away costs one log line."""
    if _line.is_quiet():
        return
    try:
        with current_app.connection_for_write(transport_options=_ONE_TRY) as connection:
            current_app.send_task(
                "worker.tasks.run_job",
                args=[job_id],
                queue=queue,
                expires=MESSAGE_EXPIRES_S,
                retry=False,
                connection=connection,
            )
    except (OperationalError, RedisError, OSError) as error:
        _line.rest()
        logger.warning("Broker does not answer (%s): workers find job %s alone", error, job_id)
