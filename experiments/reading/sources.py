"""What is stored of the series asked for: folded chunks, and the batches not yet folded.

The number of queries does not depend on the number of runs, series or chunks (but for lists of
more than a database's bound on parameters, which are read in portions).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from django.db.models import QuerySet

from experiments import columns, journal
from experiments.chunks import IDS_PER_QUERY, Columns, in_order, join
from experiments.models import ChunkOverview, MetricBatch, Series, SeriesChunk

FIRST, LAST = -(2**63), 2**63 - 1
NO_POINTS: Columns = (
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.float64),
    np.empty(0, dtype=np.float64),
)


class Chunk(NamedTuple):
    """A stored chunk without its bytes."""

    id: int
    points: int
    first_step: int
    last_step: int
    number: int


@dataclass
class Source:
    """What is known of one series while it is read."""

    id: int
    run_id: str
    key: str
    chunks: list[Chunk] = field(default_factory=list)
    unfolded: list[Columns] = field(default_factory=list)
    raw: dict[int, Columns] = field(default_factory=dict)  # by chunk, cut to the range
    level: int = 1  # how many points a block of the chunks in `packed` stands for
    packed: dict[int, bytes | memoryview] = field(default_factory=dict)  # by chunk, its blocks

    @property
    def points(self) -> int:
        """How many are in the range; right once the chunks at its ends are in `raw`."""
        cut = sum(len(self.raw[c.id][0]) if c.id in self.raw else c.points for c in self.chunks)
        return cut + sum(len(part[0]) for part in self.unfolded)

    def columns(self) -> Columns:
        """All points in (step, arrival) order, once every chunk is in `raw`."""
        parts = [self.raw[chunk.id] for chunk in self.chunks] + self.unfolded
        return in_order(join(parts)) if parts else NO_POINTS

    @property
    def origin(self) -> float:
        """When the first point was made, once the first chunk is in `raw`; NaN without points."""
        parts = [self.raw[chunk.id] for chunk in self.chunks[:1]] + self.unfolded
        # Of equal steps the first to arrive: in parts it comes first, and so does `min` take it.
        firsts = [(part, int(np.argmin(part[0]))) for part in parts if len(part[0])]
        if not firsts:
            return float("nan")
        (_, times, _), place = min(firsts, key=lambda one: int(one[0][0][one[1]]))
        return float(times[place])


def find(run_ids: Sequence[str], keys: Sequence[str]) -> dict[int, Source]:
    """The series of these runs and keys by id, in the order of the keys, then of the runs."""
    rows = Series.objects.filter(run_id__in=run_ids, key__in=keys)
    run_places = {run_id: place for place, run_id in enumerate(run_ids)}
    key_places = {key: place for place, key in enumerate(keys)}
    found = sorted(
        rows.values_list("id", "run_id", "key"),
        key=lambda row: (key_places[row[2]], run_places[row[1]]),
    )
    return {series_id: Source(series_id, run_id, key) for series_id, run_id, key in found}


def read_unfolded(sources: Sequence[Source], first: int, last: int) -> None:
    """Reads the points of these steps that are still in the journal."""
    by_name = {(source.run_id, source.key): source for source in sources}
    keys = {source.key for source in sources}
    batches = MetricBatch.objects.filter(
        run_id__in={source.run_id for source in sources}, payload__isnull=False
    )
    for run_id, payload in batches.order_by("id").values_list("run_id", "payload"):
        for one in journal.unpack(payload or b"", keys):
            if (run_id, one.key) in by_name:
                part = _cut((one.steps, one.times, one.values), first, last)
                by_name[run_id, one.key].unfolded.append(part)


def _cut(points: Columns, first: int, last: int) -> Columns:
    steps, times, values = points
    inside = (steps >= first) & (steps <= last)
    if inside.all():
        return points
    return steps[inside], times[inside], values[inside]


def find_chunks(sources: dict[int, Source], first: int, last: int) -> None:
    """Finds the chunks that hold points of these steps, without their bytes."""
    rows = SeriesChunk.objects.filter(
        series_id__in=sources, first_step__lte=last, last_step__gte=first
    ).order_by("series_id", "first_step", "last_step", "number")
    for series_id, *chunk in rows.values_list(
        "series_id", "id", "points", "first_step", "last_step", "number"
    ):
        sources[series_id].chunks.append(Chunk._make(chunk))


def read_raw(
    sources: Sequence[Source], first: int, last: int, wanted: Callable[[Chunk], bool]
) -> None:
    """Reads the points of the wanted chunks that are not there yet."""
    owners = {
        chunk.id: source
        for source in sources
        for chunk in source.chunks
        if chunk.id not in source.raw and wanted(chunk)
    }
    for chunk_id, data in read(owners, "data"):
        owners[chunk_id].raw[chunk_id] = _cut(columns.unpack_points(data), first, last)


def read(ids: Iterable[int], column: str) -> Iterable[tuple[int, bytes]]:
    """One column of bytes of these chunks."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), IDS_PER_QUERY):
        part = wanted[start : start + IDS_PER_QUERY]
        rows: QuerySet[SeriesChunk] = SeriesChunk.objects.filter(id__in=part)
        yield from rows.values_list("id", column)


def read_overviews(
    ids: Collection[int], series: Iterable[int]
) -> Iterable[tuple[int, bytes | memoryview]]:
    """The coarse blocks of these chunks, all of them of these series."""
    if not ids:
        return
    rows = ChunkOverview.objects.filter(series_id__in=series, chunk_id__range=(min(ids), max(ids)))
    for chunk_id, blocks in rows.values_list("chunk_id", "blocks"):
        if chunk_id in ids:
            yield chunk_id, blocks
