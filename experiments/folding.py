"""Folds journal batches into chunks per series, so that reading stays quick as a run grows.

Chunks of a series, ordered by (first_step, last_step, number), hold its points in (step, arrival)
order. Only chunks that hold nothing but one same step can tie on both steps; their numbers keep
arrival order, because a rewritten group of chunks takes in the ties that follow it and its numbers
are above all that stay.

One transaction writes the chunks and empties the batches: a reader sees a point in one of the two,
and a folder that dies leaves everything as it was. Folders of one run exclude each other, and
recorders, by the lock on the run's row (on SQLite by being the one writer).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet, Sum

from experiments import columns, pyramid
from experiments.models import MetricBatch, Run, Series, SeriesChunk
from experiments.pyramid import CHUNK_POINTS
from experiments.shapes import FloatArray, IntArray

# Past one of these bounds a run is folded by the request that recorded to it.
BATCHES_UNFOLDED = 128
POINTS_UNFOLDED = 65_536

Columns = tuple[IntArray, FloatArray, FloatArray]  # steps, times, values of one length


@dataclass(frozen=True)
class _Extent:
    """A stored chunk without its bytes."""

    id: int
    number: int
    first_step: int
    last_step: int

    @property
    def order(self) -> tuple[int, int, int]:
        return (self.first_step, self.last_step, self.number)


def fold_pending(limit: int = 100) -> int:
    """Folds up to `limit` runs that have unfolded batches. Returns how many points were folded."""
    unfolded = MetricBatch.objects.filter(payload__isnull=False)
    runs = list(unfolded.order_by("run_id").values_list("run_id", flat=True).distinct()[:limit])
    return sum(fold_run(run_id) for run_id in runs)


def fold_if_due(run_id: str) -> int:
    """Folds the run when so much is unfolded that reading would slow down. Returns the points."""
    unfolded = MetricBatch.objects.filter(run_id=run_id, payload__isnull=False).aggregate(
        batches=Count("id"), points=Sum("points")
    )
    if unfolded["batches"] < BATCHES_UNFOLDED and (unfolded["points"] or 0) < POINTS_UNFOLDED:
        return 0
    return fold_run(run_id)


def fold_run(run_id: str) -> int:
    """Folds all batches of a run. Returns how many points were folded; 0 when nothing was left."""
    with transaction.atomic():
        if not Run.objects.select_for_update(no_key=True).filter(pk=run_id).exists():
            return 0
        batches = list(
            MetricBatch.objects.filter(run_id=run_id, payload__isnull=False)
            .order_by("id")
            .values_list("id", "payload")
        )
        if not batches:
            return 0
        points = _by_key([payload for _, payload in batches if payload is not None])
        ids = dict(Series.objects.filter(run_id=run_id).values_list("key", "id"))
        for key, arrived in points.items():
            add_points(ids[key], arrived)
        emptied = MetricBatch.objects.filter(
            run_id=run_id, id__lte=batches[-1][0], payload__isnull=False
        )
        emptied.update(payload=None)
        return sum(len(arrived[0]) for arrived in points.values())


def _by_key(payloads: Sequence[bytes | memoryview]) -> dict[str, Columns]:
    """The points of all batches by key, in order of arrival."""
    parts: dict[str, list[Columns]] = {}
    for payload in payloads:
        for one in columns.unpack_batch(payload):
            parts.setdefault(one.key, []).append((one.steps, one.times, one.values))
    return {key: join(found) for key, found in parts.items()}


def join(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    steps, times, values = zip(*parts, strict=True)
    return np.concatenate(steps), np.concatenate(times), np.concatenate(values)


def in_order(points: Columns) -> Columns:
    """Points in order of arrival brought into (step, arrival) order."""
    steps, times, values = points
    if (steps[1:] >= steps[:-1]).all():
        return points
    order = np.argsort(steps, kind="stable")
    return steps[order], times[order], values[order]


def add_points(series_id: int, arrived: Columns) -> None:
    """Puts points that arrived after all folded ones into the chunks where they belong.

    The caller holds the run's lock and a transaction.
    """
    arrived = in_order(arrived)
    extents = _extents_near(series_id, int(arrived[0][0]), int(arrived[0][-1]))
    if not extents:
        _write_chunks(series_id, [], arrived)
        return
    # A point goes into the last chunk that begins at or before it: after all of its own step.
    begins = np.array([extent.first_step for extent in extents], dtype=np.int64)
    targets = np.maximum(np.searchsorted(begins, arrived[0], side="right") - 1, 0)
    for group in _groups(extents, sorted(set(targets.tolist()))):
        inside = (targets >= group.start) & (targets < group.stop)
        new = (arrived[0][inside], arrived[1][inside], arrived[2][inside])
        replaced = [extents[place] for place in group]
        old = load_points([extent.id for extent in replaced])
        _write_chunks(series_id, replaced, in_order(join([old, new])))


def _extents_near(series_id: int, first_step: int, last_step: int) -> list[_Extent]:
    """In order: from the last chunk that begins at or before `first_step` (or the first chunk,
    when all begin later) to the last that begins at or before `last_step`, and the ties after it.
    """
    rows = SeriesChunk.objects.filter(series_id=series_id)
    begin = rows.filter(first_step__lte=first_step).aggregate(step=Max("first_step"))["step"]
    if begin is None:
        begin = rows.aggregate(step=Min("first_step"))["step"]
    if begin is None:
        return []
    found = _in_order(rows.filter(first_step__range=(begin, max(begin, last_step))))
    end = found[-1].last_step
    ties = _in_order(rows.filter(first_step=end, last_step=end))
    return found + [extent for extent in ties if extent.order > found[-1].order]


def _in_order(rows: QuerySet[SeriesChunk]) -> list[_Extent]:
    found = rows.order_by("first_step", "last_step", "number")
    return [_Extent(*row) for row in found.values_list("id", "number", "first_step", "last_step")]


def _groups(extents: Sequence[_Extent], targets: Iterable[int]) -> Iterator[range]:
    """Places of the chunks to rewrite together: each target with the ties that follow it."""
    stop = 0
    for start in targets:
        if start < stop:
            continue  # taken along as a tie
        stop = start + 1
        end = extents[start].last_step
        while stop < len(extents) and extents[stop].first_step == extents[stop].last_step == end:
            stop += 1
        yield range(start, stop)


def load_points(chunk_ids: Sequence[int]) -> Columns:
    """All points of at least one chunk, in the order of the ids."""
    data = dict(SeriesChunk.objects.filter(id__in=chunk_ids).values_list("id", "data"))
    return join([columns.unpack_points(data[chunk_id]) for chunk_id in chunk_ids])


def _write_chunks(series_id: int, replaced: Sequence[_Extent], points: Columns) -> None:
    """Puts chunks of ordered points in the place of others.

    All but the last hold CHUNK_POINTS; the last grows to twice that before it is split, so that
    late points do not leave splinters.
    """
    rows = SeriesChunk.objects.filter(series_id=series_id)
    rows.filter(id__in=[extent.id for extent in replaced]).delete()
    highest = rows.aggregate(number=Max("number"))["number"]
    first = 0 if highest is None else highest + 1
    cuts = np.arange(1, len(points[0]) // CHUNK_POINTS) * CHUNK_POINTS
    parts = zip(*(np.split(column, cuts) for column in points), strict=True)
    SeriesChunk.objects.bulk_create(
        SeriesChunk(
            series_id=series_id,
            number=first + place,
            points=len(steps),
            first_step=steps[0],
            last_step=steps[-1],
            data=columns.pack_points(steps, times, values),
            pyramid=pyramid.pack(steps, times, values),
        )
        for place, (steps, times, values) in enumerate(parts)
    )


def truncate(series_id: int, after_step: int) -> Columns | None:
    """Deletes the folded points with step > after_step; returns those that stay, in order.

    None: no point is left. The caller holds the run's lock and a transaction.
    """
    rows = SeriesChunk.objects.filter(series_id=series_id)
    rows.filter(first_step__gt=after_step).delete()
    kept = _in_order(rows)
    if not kept:
        return None
    for extent in kept:
        if extent.last_step > after_step:
            steps, times, values = load_points([extent.id])
            size = int(np.searchsorted(steps, after_step, side="right"))
            _write_chunks(series_id, [extent], (steps[:size], times[:size], values[:size]))
    return load_points([extent.id for extent in _in_order(rows)])
