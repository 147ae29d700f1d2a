"""Series for drawing, reduced to a few buckets: what a wide range needs, and no raw data beyond."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from experiments import floats, pyramid
from experiments.chunks import Columns
from experiments.pyramid import Blocks
from experiments.reading import sources
from experiments.reading.consistency import one_picture
from experiments.reading.sources import FIRST, LAST, Chunk, Source
from experiments.shapes import FloatArray, IntArray, SeriesView


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
    return reduced(run_ids, keys, first, last, width)


def reduced(
    run_ids: Sequence[str],
    keys: Sequence[str],
    first: int,
    last: int,
    width: int,
    *,
    with_origin: bool = False,
) -> list[SeriesView]:
    """`series` between two steps; `with_origin` (of the whole range): also when each began."""
    with one_picture():
        by_id = sources.find(run_ids, keys)
        found = list(by_id.values())
        sources.read_unfolded(found, first, last)
        sources.find_chunks(by_id, first, last)
        sources.read_raw(found, first, last, lambda c: c.first_step < first or c.last_step > last)
        for source in found:
            source.level = _level(source.points, width)
        begins = {s.chunks[0].id for s in found if s.chunks} if with_origin else set()
        sources.read_raw(found, first, last, lambda c: c.id in begins)
        sources.read_raw([s for s in found if s.level == 1], first, last, lambda _: True)
        _read_blocks([s for s in found if s.level > 1])
    return [_view(source, width, with_origin) for source in found]


def _level(points: int, width: int) -> int:
    """The largest blocks that are enough to fill half of `width` buckets or more; 1: the points."""
    if points <= width:
        return 1
    return next((level for level in reversed(pyramid.LEVELS) if 2 * points >= level * width), 1)


def _read_blocks(found: Sequence[Source]) -> None:
    """Reads the blocks of the chunks whose points were not read."""
    owners = {
        chunk.id: source
        for source in found
        for chunk in source.chunks
        if chunk.id not in source.raw
    }
    fine = {i: source for i, source in owners.items() if source.level == pyramid.LEVELS[0]}
    for chunk_id, data in sources.read(fine, "pyramid"):
        fine[chunk_id].packed[chunk_id] = data
    coarse = {i: source for i, source in owners.items() if i not in fine}
    for chunk_id, overview in sources.read_overviews(coarse, {s.id for s in coarse.values()}):
        coarse[chunk_id].packed[chunk_id] = overview


def _view(source: Source, width: int, with_origin: bool) -> SeriesView:
    origin = source.origin if with_origin else float("nan")
    if source.points <= width:
        return draw(source, pyramid.of_points(*source.columns()), exact=True, origin=origin)
    blocks = pyramid.by_last_step(pyramid.join(list(_blocks(source))))
    buckets = pyramid.merge(blocks, bucket_starts(blocks, width))
    return draw(source, buckets, exact=False, origin=origin)


def _blocks(source: Source) -> Iterable[Blocks]:
    """Blocks of all points, older arrivals first among those of one step."""
    for is_packed, chunks in groupby(source.chunks, key=lambda chunk: chunk.id in source.packed):
        if is_packed:
            yield _unpacked(source, list(chunks))
        else:
            yield from _of_points(source.raw[chunk.id] for chunk in chunks)
    yield from _of_points(source.unfolded)


def _unpacked(source: Source, chunks: Sequence[Chunk]) -> Blocks:
    packed = [source.packed[chunk.id] for chunk in chunks]
    points = [chunk.points for chunk in chunks]
    if source.level == pyramid.LEVELS[0]:
        return pyramid.unpack(packed, points)
    return pyramid.unpack_overviews(packed, points, source.level)


def _of_points(parts: Iterable[Columns]) -> Iterable[Blocks]:
    return (pyramid.of_points(*part) for part in parts if len(part[0]))


def bucket_starts(blocks: Blocks, width: int) -> IntArray:
    """Where a new bucket begins: `width` equal ranges of steps; a block goes where it ends."""
    # Unsigned: the distance of two steps may be beyond int64.
    unsigned = blocks.last_step.astype(np.uint64)
    distance = (unsigned - np.uint64(int(blocks.first_step.min()) % 2**64)).astype(np.float64)
    buckets = np.minimum(distance * (width / (distance[-1] + 1)), width - 1).astype(np.int64)
    return np.flatnonzero(np.diff(buckets, prepend=-1))


def draw(
    source: Source,
    blocks: Blocks,
    *,
    exact: bool,
    origin: float,
    smoothed: FloatArray | None = None,
) -> SeriesView:
    """Blocks as charts take them, one bucket each."""
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
        origin=origin,
        smoothed=smoothed,
    )
