"""Series for drawing: folded chunks and the batches not yet folded, reduced to a few buckets.

The number of queries does not depend on the number of runs, series or chunks (but for lists of
more than a database's bound on parameters, which are read in portions).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db.models import QuerySet

from experiments import columns, floats, folding, pyramid
from experiments.models import MetricBatch, Series, SeriesChunk
from experiments.pyramid import Blocks
from experiments.reading.consistency import one_picture
from experiments.shapes import IntArray, SeriesView

IDS_PER_QUERY = 10_000
FIRST, LAST = -(2**63), 2**63 - 1


@dataclass
class _Chunk:
    id: int
    points: int
    first_step: int
    last_step: int
    number: int


@dataclass
class _Source:
    """What is known of one series while it is read."""

    run_id: str
    key: str
    chunks: list[_Chunk] = field(default_factory=list)
    unfolded: list[folding.Columns] = field(default_factory=list)
    raw: dict[int, folding.Columns] = field(default_factory=dict)  # by chunk, cut to the range
    level: int = 1  # how many points a block of the chunks in `blocks` stands for
    blocks: dict[int, Blocks] = field(default_factory=dict)

    @property
    def points(self) -> int:
        """How many are in the range; right once the chunks at its ends are in `raw`."""
        cut = sum(len(self.raw[c.id][0]) if c.id in self.raw else c.points for c in self.chunks)
        return cut + sum(len(part[0]) for part in self.unfolded)


def series(
    run_ids: Sequence[str],
    keys: Sequence[str],
    *,
    first_step: int | None = None,
    last_step: int | None = None,
    width: int = 1000,
) -> list[SeriesView]:
    """The series of these runs and keys that have points, in the order of the arguments.

    Each is reduced to at most `width` buckets of equal step ranges over the points with
    first_step <= step <= last_step; as many points or fewer come exactly. A series without points
    in the range is there with empty arrays.
    """
    first = FIRST if first_step is None else first_step
    last = LAST if last_step is None else last_step
    with one_picture():
        sources = _find(run_ids, keys)
        _read_unfolded(list(sources.values()), first, last)
        _find_chunks(sources, first, last)
        found = list(sources.values())
        _read_raw(found, first, last, lambda c: c.first_step < first or c.last_step > last)
        for source in found:
            source.level = _level(source.points, width)
        _read_raw([s for s in found if s.level == 1], first, last, lambda _: True)
        _read_blocks([s for s in found if s.level > 1])
    found.sort(key=_by_arguments(run_ids, keys))
    return [_view(source, width) for source in found]


def _by_arguments(
    run_ids: Sequence[str], keys: Sequence[str]
) -> Callable[[_Source], tuple[int, int]]:
    run_places = {run_id: place for place, run_id in enumerate(run_ids)}
    key_places = {key: place for place, key in enumerate(keys)}
    return lambda source: (key_places[source.key], run_places[source.run_id])


def _level(points: int, width: int) -> int:
    """The largest blocks that are enough to fill half of `width` buckets or more; 1: the points."""
    if points <= width:
        return 1
    return next((level for level in reversed(pyramid.LEVELS) if 2 * points >= level * width), 1)


def _find(run_ids: Sequence[str], keys: Sequence[str]) -> dict[int, _Source]:
    rows = Series.objects.filter(run_id__in=run_ids, key__in=keys)
    return {row[0]: _Source(row[1], row[2]) for row in rows.values_list("id", "run_id", "key")}


def _read_unfolded(sources: Sequence[_Source], first: int, last: int) -> None:
    by_name = {(source.run_id, source.key): source for source in sources}
    keys = {source.key for source in sources}
    batches = MetricBatch.objects.filter(
        run_id__in={source.run_id for source in sources}, payload__isnull=False
    )
    for run_id, payload in batches.order_by("id").values_list("run_id", "payload"):
        for one in columns.unpack_batch(payload or b"", keys):
            if (run_id, one.key) in by_name:
                part = _cut((one.steps, one.times, one.values), first, last)
                by_name[run_id, one.key].unfolded.append(part)


def _cut(points: folding.Columns, first: int, last: int) -> folding.Columns:
    steps, times, values = points
    inside = (steps >= first) & (steps <= last)
    if inside.all():
        return points
    return steps[inside], times[inside], values[inside]


def _find_chunks(sources: dict[int, _Source], first: int, last: int) -> None:
    rows = SeriesChunk.objects.filter(
        series_id__in=sources, first_step__lte=last, last_step__gte=first
    ).order_by("series_id", "first_step", "last_step", "number")
    for series_id, *chunk in rows.values_list(
        "series_id", "id", "points", "first_step", "last_step", "number"
    ):
        sources[series_id].chunks.append(_Chunk(*chunk))


def _read_raw(
    sources: Sequence[_Source], first: int, last: int, wanted: Callable[[_Chunk], bool]
) -> None:
    """Reads the points of the wanted chunks that are not there yet."""
    owners = {
        chunk.id: source
        for source in sources
        for chunk in source.chunks
        if chunk.id not in source.raw and wanted(chunk)
    }
    for chunk_id, data in _read(owners, "data"):
        owners[chunk_id].raw[chunk_id] = _cut(columns.unpack_points(data), first, last)


def _read_blocks(sources: Sequence[_Source]) -> None:
    """Reads the pyramids of the chunks whose points were not read."""
    owners = {
        chunk.id: (source, chunk)
        for source in sources
        for chunk in source.chunks
        if chunk.id not in source.raw
    }
    for chunk_id, data in _read(owners, "pyramid"):
        source, chunk = owners[chunk_id]
        source.blocks[chunk_id] = pyramid.unpack(data, chunk.points, source.level)


def _read(ids: Iterable[int], column: str) -> Iterable[tuple[int, bytes]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), IDS_PER_QUERY):
        part = wanted[start : start + IDS_PER_QUERY]
        rows: QuerySet[SeriesChunk] = SeriesChunk.objects.filter(id__in=part)
        yield from rows.values_list("id", column)


def _view(source: _Source, width: int) -> SeriesView:
    points = source.points
    if not points:
        return _draw(source, pyramid.of_points(*_NOTHING), exact=True)
    if points <= width:
        parts = [source.raw[chunk.id] for chunk in source.chunks] + source.unfolded
        exact = folding.in_order(folding.join(parts))
        return _draw(source, pyramid.of_points(*exact), exact=True)
    blocks = pyramid.by_last_step(pyramid.join(list(_blocks(source))))
    return _draw(source, pyramid.merge(blocks, _bucket_starts(blocks, width)), exact=False)


_NOTHING: folding.Columns = (
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.float64),
    np.empty(0, dtype=np.float64),
)


def _blocks(source: _Source) -> Iterable[Blocks]:
    """Blocks of all points, older arrivals first among those of one step."""
    for chunk in source.chunks:
        if chunk.id in source.blocks:
            yield source.blocks[chunk.id]
        elif len(source.raw[chunk.id][0]):
            yield pyramid.of_points(*source.raw[chunk.id])
    for part in source.unfolded:
        if len(part[0]):
            yield pyramid.of_points(*part)


def _bucket_starts(blocks: Blocks, width: int) -> IntArray:
    """Where a new bucket begins: `width` equal ranges of steps; a block goes where it ends."""
    # Unsigned: the distance of two steps may be beyond int64.
    unsigned = blocks.last_step.astype(np.uint64)
    distance = (unsigned - np.uint64(int(blocks.first_step.min()) % 2**64)).astype(np.float64)
    buckets = np.minimum(distance * (width / (distance[-1] + 1)), width - 1).astype(np.int64)
    return np.flatnonzero(np.diff(buckets, prepend=-1))


def _draw(source: _Source, blocks: Blocks, *, exact: bool) -> SeriesView:
    bad = blocks.count > blocks.finite
    return SeriesView(
        run_id=source.run_id,
        key=source.key,
        x=blocks.last_step,
        times=blocks.last_time,
        low=blocks.low,
        high=blocks.high,
        mean=blocks.mean,
        last=blocks.last,
        counts=blocks.count,
        bad_steps=blocks.bad_step[bad],
        bad_kinds=tuple(floats.KINDS[code] for code in blocks.bad_kind[bad].tolist()),
        bad_count=int((blocks.count - blocks.finite).sum()),
        points=int(blocks.count.sum()),
        first_step=int(blocks.first_step.min()) if len(blocks) else None,
        last_step=int(blocks.last_step[-1]) if len(blocks) else None,
        exact=exact,
    )
