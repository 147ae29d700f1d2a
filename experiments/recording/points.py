"""Accepts batches of points: fence, journal row and summaries in one transaction."""

import hashlib
import struct
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from django.db import transaction

from experiments import columns, folding, summaries
from experiments.errors import Conflict, Invalid, NotFound, Superseded
from experiments.models import Job, MetricBatch, Run, Series
from experiments.models.jobs import JobStatus
from experiments.recording import validation
from experiments.shapes import Recorded, SeriesPoints

SERIES_PER_RUN = 100_000


def record(
    *,
    run_id: str,
    client: str,
    number: int,
    series: Sequence[SeriesPoints],
    attempt: int | None = None,
) -> Recorded:
    """Stores a batch of points, all or nothing; runs in any status take late points.

    (client, number) names the batch within the run: the same again with the same content changes
    nothing. `attempt`: the attempt of the run's job that sends; it must be the one that owns it.

    Raises Invalid (nothing else to do than to send other data), NotFound (no such run), Conflict
    (the number was used for other content) and Superseded (another attempt owns the job).
    """
    validation.check_origin(client, number)
    if attempt is None and client.startswith(validation.JOB_CLIENT):
        raise validation.invalid(
            "client", f'names beginning with "{validation.JOB_CLIENT}" are the workers\' own.'
        )
    series = validation.check_series(series)
    fingerprint = _fingerprint(series)
    points = sum(len(one.steps) for one in series)
    with transaction.atomic():
        run = lock_run(run_id)
        if attempt is not None:
            check_attempt(run_id, attempt)
        if _is_known(run_id, client, number, fingerprint):
            return Recorded(points=points, series=len(series), duplicate=True)
        series = _with_times(series)
        MetricBatch.objects.create(
            run_id=run_id,
            client=client,
            number=number,
            fingerprint=fingerprint,
            points=points,
            payload=columns.pack_batch(series),
        )
        _update_summaries(run, series)
    # The points are stored: a failure to fold is logged, tried again later, and no answer to them.
    transaction.on_commit(partial(folding.fold_if_due, run_id), robust=True)
    return Recorded(points=points, series=len(series), duplicate=False)


def lock_run(run_id: str) -> Run:
    """The run, locked against other recorders and folders until the transaction ends."""
    run = (
        Run.objects.select_for_update(no_key=True)
        .only("id", "project_id", "status")
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        raise NotFound(f"There is no run {run_id}.", code="run_not_found")
    return run


def check_attempt(run_id: str, attempt: int) -> None:
    """Raises Superseded unless the attempt owns the run's job until the transaction ends."""
    owned = Job.objects.select_for_update(no_key=True).filter(
        run_id=run_id, attempt=attempt, status=JobStatus.RUNNING
    )
    if not owned.exists():
        raise Superseded(
            f"Attempt {attempt} no longer owns the job of run {run_id}: stop, and write no more."
        )


def _is_known(run_id: str, client: str, number: int, fingerprint: str) -> bool:
    stored = (
        MetricBatch.objects.filter(run_id=run_id, client=client, number=number)
        .values_list("fingerprint", flat=True)
        .first()
    )
    if stored is not None and stored != fingerprint:
        raise Conflict(
            f"Batch {number} of client {client} was stored with other content; "
            "give every batch a number of its own.",
            code="batch_number_used",
            fields={"number": [f"{number} was used for other points."]},
        )
    return stored is not None


def _fingerprint(series: Sequence[SeriesPoints]) -> str:
    """SHA-256 of the content as sent: times that were left to us count as left out."""
    digest = hashlib.sha256()
    for one in series:
        key = one.key.encode()
        digest.update(struct.pack("<II", len(key), len(one.steps)) + key)
        for column in (one.steps, one.times, one.values):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _with_times(series: Sequence[SeriesPoints]) -> list[SeriesPoints]:
    now = time.time()
    return [
        SeriesPoints(one.key, one.steps, np.where(np.isnan(one.times), now, one.times), one.values)
        for one in series
    ]


def _update_summaries(run: Run, series: Sequence[SeriesPoints]) -> None:
    keys = [one.key for one in series]
    rows = {row.key: row for row in Series.objects.filter(run_id=run.pk, key__in=keys)}
    new = len(keys) - len(rows)
    if new and Series.objects.filter(run_id=run.pk).count() + new > SERIES_PER_RUN:
        raise Invalid(
            f"series: a run holds at most {SERIES_PER_RUN} series; log fewer different keys.",
            code="too_many_series",
            fields={"series": [f"A run holds at most {SERIES_PER_RUN} series."]},
        )
    changed = []
    for one in series:
        summary = summaries.summarize(one.key, one.steps, one.values)
        if one.key in rows:
            summary = summaries.merge(summaries.from_row(rows[one.key]), summary)
        row = Series(run_id=run.pk, project_id=run.project_id, key=one.key)
        summaries.set_row(row, summary)
        changed.append(row)
    Series.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["run", "key"],
        update_fields=summaries.COLUMNS,
    )
