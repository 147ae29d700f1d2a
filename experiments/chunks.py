"""Chunks: the folded points of series, a few thousand in each.

Chunks of a series, ordered by (first_step, last_step, number), hold its points in (step, arrival)
order. Only chunks that hold nothing but one same step can tie on both steps; their numbers keep
arrival order, because a rewritten group of chunks takes in the ties that follow it and its numbers
are above all that stay.

Whoever writes here holds the run's lock and a transaction. The number of statements depends on the
number of series only where these begin or end at different steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import F, Max, Min, QuerySet

from experiments import columns, pyramid
from experiments.models import ChunkOverview, SeriesChunk
from experiments.pyramid import CHUNK_POINTS
from experiments.shapes import FloatArray, IntArray

Columns = tuple[IntArray, FloatArray, FloatArray]  # steps, times, values of one length
IDS_PER_QUERY = 10_000


@dataclass(frozen=True)
class _Extent:
    """A stored chunk without its bytes."""

    series_id: int
    id: int
    number: int
    first_step: int
    last_step: int

    @property
    def order(self) -> tuple[int, int, int]:
        return (self.first_step, self.last_step, self.number)


@dataclass(frozen=True, eq=False)
class _Rewrite:
    """Chunks of a series, neighbours, that give way to others: with the points of `kept`, and
    those that arrived.
    """

    series_id: int
    replaced: list[_Extent]
    kept: list[_Extent]
    arrived: Columns


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


def add(arrived: Mapping[int, Columns]) -> None:
    """Puts points that arrived after all folded ones into the chunks where they belong.

    `arrived`: by the id of their series, at least one point each, in order of arrival.
    """
    spans: dict[tuple[int, int], dict[int, Columns]] = {}
    for series_id, points in arrived.items():
        ordered = in_order(points)
        span = (int(ordered[0][0]), int(ordered[0][-1]))
        spans.setdefault(span, {})[series_id] = ordered
    rewrites: list[_Rewrite] = []
    for (first_step, last_step), group in spans.items():
        extents = _extents_near(list(group), first_step, last_step)
        for series_id, points in group.items():
            rewrites += _rewrites(series_id, extents[series_id], points)
    _rewrite(rewrites)


def _rewrites(series_id: int, extents: Sequence[_Extent], arrived: Columns) -> Iterator[_Rewrite]:
    """Which chunks of one series change, and the points that each of the changes adds."""
    if not extents:
        yield _Rewrite(series_id, [], [], arrived)
        return
    # A point goes into the last chunk that begins at or before it: after all of its own step.
    begins = np.array([extent.first_step for extent in extents], dtype=np.int64)
    targets = np.maximum(np.searchsorted(begins, arrived[0], side="right") - 1, 0)
    for group in _groups(extents, sorted(set(targets.tolist()))):
        inside = (targets >= group.start) & (targets < group.stop)
        new = (arrived[0][inside], arrived[1][inside], arrived[2][inside])
        replaced = [extents[place] for place in group]
        yield _Rewrite(series_id, replaced, replaced, new)


def _extents_near(
    series: Sequence[int], first_step: int, last_step: int
) -> dict[int, list[_Extent]]:
    """Of each series, in order: from the last chunk that begins at or before `first_step` (or the
    first chunk, when all begin later) to the last that begins at or before `last_step`, and the
    ties after it.
    """
    found: dict[int, list[_Extent]] = {series_id: [] for series_id in series}
    for part in _portions(series):
        rows = SeriesChunk.objects.filter(series_id__in=part)
        begins = _of_each(rows.filter(first_step__lte=first_step), Max("first_step"))
        if len(begins) < len(part):
            begins = {**_of_each(rows, Min("first_step")), **begins}
        if not begins:
            continue
        ends = {series_id: max(begin, last_step) for series_id, begin in begins.items()}
        span = (min(begins.values()), max(ends.values()))
        for extent in _in_order(rows.filter(first_step__range=span)):
            if begins[extent.series_id] <= extent.first_step <= ends[extent.series_id]:
                found[extent.series_id].append(extent)
        # Ties of a chunk that ends within the range began within it, and are there already.
        beyond = {i for i, end in ends.items() if found[i][-1].last_step > end}
        for extent in _ties(rows, [found[series_id][-1] for series_id in beyond]):
            found[extent.series_id].append(extent)
    return found


def _ties(rows: QuerySet[SeriesChunk], after: Sequence[_Extent]) -> Iterator[_Extent]:
    """The chunks behind each of these, of different series, that hold but its last step."""
    if not after:
        return
    last = {extent.series_id: extent for extent in after}
    steps = {extent.last_step for extent in after}
    for extent in _in_order(rows.filter(first_step__in=steps, last_step=F("first_step"))):
        before = last.get(extent.series_id)
        if before and extent.first_step == before.last_step and extent.order > before.order:
            yield extent


def _of_each(rows: QuerySet[SeriesChunk], wanted: Max | Min) -> dict[int, int]:
    return dict(rows.values("series_id").annotate(found=wanted).values_list("series_id", "found"))


def _in_order(rows: QuerySet[SeriesChunk]) -> Iterator[_Extent]:
    found = rows.order_by("first_step", "last_step", "number")
    for row in found.values_list("series_id", "id", "number", "first_step", "last_step"):
        yield _Extent(*row)


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
    data = _data(chunk_ids)
    return join([columns.unpack_points(data[chunk_id]) for chunk_id in chunk_ids])


def _data(chunk_ids: Sequence[int]) -> dict[int, bytes | memoryview]:
    return {
        chunk_id: data
        for part in _portions(chunk_ids)
        for chunk_id, data in SeriesChunk.objects.filter(id__in=part).values_list("id", "data")
    }


def _rewrite(rewrites: Sequence[_Rewrite]) -> None:
    """Puts chunks of old and new points in the place of those replaced.

    All but the last hold CHUNK_POINTS; the last grows to twice that before it is split, so that
    late points do not leave splinters.
    """
    replaced = [extent.id for one in rewrites for extent in one.replaced]
    data = _data([extent.id for one in rewrites for extent in one.kept])
    numbers: dict[int, int] = {}  # the highest of each series that has chunks
    for ids in _portions(list({one.series_id for one in rewrites})):
        numbers |= _of_each(SeriesChunk.objects.filter(series_id__in=ids), Max("number"))
    for part in _portions(replaced):
        ChunkOverview.objects.filter(chunk_id__in=part).delete()
        SeriesChunk.objects.filter(id__in=part).delete()
    written: list[SeriesChunk] = []
    overviews: list[bytes] = []
    for one in rewrites:
        old = [columns.unpack_points(data[extent.id]) for extent in one.kept]
        points = in_order(join([*old, one.arrived]))
        for steps, times, values in _split(points):
            number = numbers[one.series_id] = numbers.get(one.series_id, -1) + 1
            fine, coarse = pyramid.pack(steps, times, values)
            overviews.append(coarse)
            written.append(
                SeriesChunk(
                    series_id=one.series_id,
                    number=number,
                    points=len(steps),
                    first_step=steps[0],
                    last_step=steps[-1],
                    data=columns.pack_points(steps, times, values),
                    pyramid=fine,
                )
            )
    SeriesChunk.objects.bulk_create(written)
    ChunkOverview.objects.bulk_create(
        ChunkOverview(chunk_id=chunk.pk, series_id=chunk.series_id, blocks=blocks)
        for chunk, blocks in zip(written, overviews, strict=True)
    )


def _split(points: Columns) -> Iterator[Columns]:
    cuts = np.arange(1, len(points[0]) // CHUNK_POINTS) * CHUNK_POINTS
    steps, times, values = (np.split(column, cuts) for column in points)
    yield from zip(steps, times, values, strict=True)


def truncate(series_id: int, after_step: int) -> Columns | None:
    """Deletes the points with step > after_step; returns those that stay, in order.

    None: no point is left.
    """
    rows = SeriesChunk.objects.filter(series_id=series_id)
    later = rows.filter(first_step__gt=after_step)
    ChunkOverview.objects.filter(chunk_id__in=later.values("id")).delete()
    later.delete()
    kept = list(_in_order(rows))
    if not kept:
        return None
    cut = []
    for extent in kept:
        if extent.last_step > after_step:
            steps, times, values = load_points([extent.id])
            size = int(np.searchsorted(steps, after_step, side="right"))
            cut.append(
                _Rewrite(series_id, [extent], [], (steps[:size], times[:size], values[:size]))
            )
    _rewrite(cut)
    return load_points([extent.id for extent in _in_order(rows)])


def _portions(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """No database takes a list of any length."""
    for start in range(0, len(ids), IDS_PER_QUERY):
        yield ids[start : start + IDS_PER_QUERY]
