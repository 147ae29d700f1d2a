"""Accepts batches of points: fence, journal row and summaries in one transaction."""

import dataclasses
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from django.db import transaction

from experiments import events, folding, journal, summaries
from experiments.errors import Conflict, Invalid, NotFound, Superseded
from experiments.models import Job, Series
from experiments.models.jobs import JobStatus
from experiments.recording import statements, validation
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
    validation.check_series(series)
    with transaction.atomic():
        return record_batch(run_id, validation.Batch(client, number, series), attempt=attempt)


def record_batch(run_id: str, batch: validation.Batch, *, attempt: int | None = None) -> Recorded:
    """The same of a batch that was checked, as all are that were parsed, in the transaction of the
    caller: where this raises, all of it has to be taken back."""
    client, number, series = batch.client, batch.number, batch.series
    if attempt is None and client.startswith(validation.JOB_CLIENT):
        raise validation.invalid(
            "client", f'names beginning with "{validation.JOB_CLIENT}" are the workers\' own.'
        )
    groups = journal.grouped(series)
    fingerprint = journal.fingerprint(groups)
    timed = _with_times(series)
    complete = groups if timed is series else journal.grouped(timed)
    points = sum(len(one.steps) for one in series)
    project_id = lock_run(run_id, attempt=attempt)
    if _is_known(run_id, client, number, fingerprint):
        return Recorded(points=points, series=len(series), duplicate=True)
    statements.insert_batch(
        run_id=run_id,
        client=client,
        number=number,
        fingerprint=fingerprint,
        points=points,
        payload=journal.pack(complete),
    )
    _update_summaries(run_id, project_id, complete)
    # Then the points are stored: a failure to fold is logged, tried again later, and no answer to
    # them.
    transaction.on_commit(partial(folding.fold_if_due, run_id), robust=True)
    return Recorded(points=points, series=len(series), duplicate=False)


def lock_run(run_id: str, *, attempt: int | None = None) -> int:
    """Locks the run against other recorders and folders until the transaction ends.

    `attempt` must own the run's job, which is locked first, as the queue does: two that lock both
    never wait for each other. Returns its project's id. Raises NotFound, Superseded.
    """
    if attempt is not None:
        _check_attempt(run_id, attempt)
    project_id = statements.lock_run(run_id)
    if project_id is None:
        raise NotFound(f"There is no run {run_id}.", code="run_not_found")
    return project_id


def _check_attempt(run_id: str, attempt: int) -> None:
    owned = Job.objects.select_for_update(no_key=True).filter(
        run_id=run_id, attempt=attempt, status=JobStatus.RUNNING
    )
    if not owned.exists():
        raise Superseded(
            f"Attempt {attempt} no longer owns the job of run {run_id}: stop, and write no more."
        )


def _is_known(run_id: str, client: str, number: int, fingerprint: str) -> bool:
    """Raises Conflict, which says how many points the other content has: a client that lost its
    notes of what it had sent finds its own batch by that."""
    stored = statements.stored_as(run_id, client, number)
    if stored is None:
        return False
    known, points = stored
    if known != fingerprint:
        raise Conflict(
            f"Batch {number} of client {client} was stored with other content; "
            "give every batch a number of its own.",
            code="batch_number_used",
            fields={
                "number": [f"{number} was used for other points."], "points": [str(points)],
            },
        )  # fmt: skip
    return True


def _with_times(series: Sequence[SeriesPoints]) -> Sequence[SeriesPoints]:
    """The series with now for every time that was left to us; most leave none."""
    if not any(np.isnan(one.times).any() for one in series):
        return series
    now = time.time()
    return [
        dataclasses.replace(one, times=np.where(np.isnan(one.times), now, one.times))
        for one in series
    ]


def _update_summaries(run_id: str, project_id: int, groups: Sequence[journal.Group]) -> None:
    keys = [key for group in groups for key in group.keys]
    stored = statements.summaries_of(run_id, keys)
    new = len(keys) - len(stored)
    if new and Series.objects.filter(run_id=run_id).count() + new > SERIES_PER_RUN:
        raise Invalid(
            f"series: a run holds at most {SERIES_PER_RUN} series; log fewer different keys.",
            code="too_many_series",
            fields={"series": [f"A run holds at most {SERIES_PER_RUN} series."]},
        )
    found = {}
    for group in groups:
        for summary in summaries.summarize_together(
            group.keys, group.steps, group.times, group.values
        ):
            before = stored.get(summary.key)
            if summary.nonfinite and not (before and before.nonfinite):
                step = summary.first_bad_step
                events.note_bad(run_id=run_id, project_id=project_id, metric=summary.key, step=step)
            found[summary.key] = summary if before is None else summaries.merge(before, summary)
    statements.write_summaries(run_id, project_id, found)
