"""Signs of life of runs that a client executes: silence is a crash, a later sign undoes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from experiments import events
from experiments.lifecycle.runs import transition
from experiments.models import Job, Run, RunStatus, RunTag

# A tag of every run that a client of MLflow's has made: these beat no heart, and may train for long
# between two words.
MUTE = "mlflow.runName"


@contextmanager
def sign_of_life(run_id: str) -> Iterator[None]:
    """What is stored within, in one transaction with it, shows that the run's client is alive.

    A crashed run is running again, and says so; one that was ended by somebody stays ended. Runs
    of jobs are left to their workers.
    """
    with transaction.atomic():
        yield
        if not _beat(run_id):
            run = Run.objects.select_related("job").get(pk=run_id)
            if not hasattr(run, "job"):
                hear(run)


def _beat(run_id: str) -> bool:
    """Notes that a running client run is alive; False: it is not one. Every batch runs this."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, {"now": _now(), "run": run_id, "running": RunStatus.RUNNING.value})
        return bool(cursor.rowcount)


_BEAT = f"""
UPDATE {Run._meta.db_table} SET heartbeat_at = %(now)s
WHERE id = %(run)s AND status = %(running)s
AND NOT EXISTS (SELECT 1 FROM {Job._meta.db_table} WHERE run_id = %(run)s)
"""


def _now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())


def hear(run: Run) -> bool:
    """Notes that the run's client is alive; False if the run has ended other than by silence."""
    if Run.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(heartbeat_at=Now()):
        return True
    run.refresh_from_db(fields=["heartbeat_at"])
    since = f" since {run.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC" if run.heartbeat_at else ""
    return transition(
        run, to=RunStatus.RUNNING, reason=f"Heard of again; nothing had been heard{since}."
    )


def sweep_silent_runs() -> int:
    """Marks running client runs as crashed that were silent too long; returns how many.

    By the database's clock, with the runs locked: one that is heard of meanwhile is not marked.
    A run ends with its last sign of life.
    """
    last_sign = Coalesce("heartbeat_at", "started_at", "created_at")
    mute = Q(Exists(RunTag.objects.filter(run=OuterRef("pk"), name=MUTE)))
    return _mark_silent(last_sign, settings.CLIENT_SILENCE_S, ~mute) + _mark_silent(
        last_sign, settings.MUTE_CLIENT_SILENCE_S, mute
    )


def _mark_silent(last_sign: Coalesce, seconds: int, clients: Q) -> int:
    limit = timedelta(seconds=seconds)
    # A subquery and no join: where rows are locked, the database looks at the run once more before
    # it writes.
    silent = Run.objects.alias(last_sign=last_sign).filter(
        ~Exists(Job.objects.filter(run=OuterRef("pk"))),
        clients,
        status=RunStatus.RUNNING,
        last_sign__lt=Now() - limit,
    )
    reason = (
        f"No sign of life for {seconds:,} s: its process has probably died. "
        "Points, console lines or a heartbeat bring it back."
    )
    with transaction.atomic():
        rows = list(silent.select_for_update(no_key=True).only("pk", "project_id"))
        Run.objects.filter(pk__in=[run.pk for run in rows]).update(
            status=RunStatus.CRASHED, status_reason=reason, finished_at=last_sign
        )
        for run in rows:
            events.note_end(run, RunStatus.CRASHED, reason)
    return len(rows)
