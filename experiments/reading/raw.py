"""Points as they were sent, page by page, and summaries."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from django.db.models import QuerySet

from experiments import chunks, journal, summaries
from experiments.errors import Invalid
from experiments.models import MetricBatch, Series, SeriesChunk
from experiments.reading import sources
from experiments.reading.consistency import one_picture
from experiments.shapes import Point, PointPage, SeriesSummary

MOST_POINTS = 10_000  # in a page
_FIRST = -(2**63)


def points(run_id: str, key: str, *, after: str | None = None, limit: int = 1000) -> PointPage:
    """Up to `limit` points of a series in (step, arrival) order, from where `after` left off.

    `after` is the `next` of the page before. Points that arrive between two pages are in a later
    one if their step is not below the cursor's. Empty when there is no such series. Raises Invalid
    for a cursor that is none, or a limit outside 1..10,000.
    """
    if not 1 <= limit <= MOST_POINTS:
        raise Invalid(f"limit: use 1 to {MOST_POINTS}.", fields={"limit": [f"1 to {MOST_POINTS}"]})
    step, passed = _position(after)
    with one_picture():
        parts = _folded(run_id, key, step, passed + limit + 1) + _unfolded(run_id, key)
    if not parts:
        return PointPage((), None)
    steps, times, values = chunks.in_order(chunks.join(parts))
    first = int(steps.searchsorted(step)) + passed
    part = slice(first, first + limit)
    page = tuple(map(Point, steps[part].tolist(), times[part].tolist(), values[part].tolist()))
    if len(steps) <= first + limit:
        return PointPage(page, None)
    last = page[-1].step
    return PointPage(page, f"{last}:{first + limit - int(steps.searchsorted(last))}")


def all_points(run_id: str, key: str) -> chunks.Columns:
    """Every point of a series in (step, arrival) order; none if there is no such series."""
    return _between(run_id, [key], sources.FIRST, sources.LAST).get(key, sources.NO_POINTS)


def points_at(run_id: str, steps: Mapping[str, Collection[int]]) -> dict[str, chunks.Columns]:
    """The points of the given steps of each of these series, by key."""
    if not steps:
        return {}
    wanted = {key: np.fromiter(some, np.int64, len(some)) for key, some in steps.items()}
    first = min(int(some.min()) for some in wanted.values())
    last = max(int(some.max()) for some in wanted.values())
    found = {}
    for key, (at, times, values) in _between(run_id, list(steps), first, last).items():
        mine = np.isin(at, wanted[key])
        found[key] = (at[mine], times[mine], values[mine])
    return found


def _between(run_id: str, keys: Sequence[str], first: int, last: int) -> dict[str, chunks.Columns]:
    with one_picture():
        found = sources.find([run_id], keys)
        series = list(found.values())
        sources.read_unfolded(series, first, last)
        sources.find_chunks(found, first, last)
        sources.read_raw(series, first, last, lambda chunk: True)
    return {source.key: source.columns() for source in series}


def _position(after: str | None) -> tuple[int, int]:
    """The cursor's step, and how many points of that step were read."""
    if after is None:
        return _FIRST, 0
    try:
        step, passed = map(int, after.split(":"))
    except ValueError:
        step, passed = 0, -1
    if passed < 0 or not _FIRST <= step < 2**63:
        raise Invalid(
            "after: is not a cursor of this list; use the `next` of the page before.",
            fields={"after": ["Use the `next` of the page before."]},
        )
    return step, passed


def _folded(run_id: str, key: str, step: int, wanted: int) -> list[chunks.Columns]:
    """Chunks from `step` on with at least `wanted` points, or all there are."""
    rows = SeriesChunk.objects.filter(
        series__run_id=run_id, series__key=key, last_step__gte=step
    ).order_by("first_step", "last_step", "number")
    ids = []
    for chunk_id, length, first_step in rows.values_list("id", "points", "first_step"):
        ids.append(chunk_id)
        # The first may begin before `step`, so its points do not count.
        wanted -= length if first_step >= step else 0
        if wanted <= 0:
            break
    return [chunks.load_points(ids)] if ids else []


def _unfolded(run_id: str, key: str) -> list[chunks.Columns]:
    batches = MetricBatch.objects.filter(run_id=run_id, payload__isnull=False).order_by("id")
    return [
        (one.steps, one.times, one.values)
        for payload in batches.values_list("payload", flat=True)
        for one in journal.unpack(payload or b"", {key})
    ]


def series_keys(run_ids: Sequence[str]) -> dict[str, list[str]]:
    """The keys of each run's series, sorted. A run without points has none."""
    found: dict[str, list[str]] = {run_id: [] for run_id in run_ids}
    rows = Series.objects.filter(run_id__in=run_ids).order_by("run_id", "key")
    for run_id, key in rows.values_list("run_id", "key"):
        found[run_id].append(key)
    return found


def keys_of_any(run_ids: Sequence[str]) -> set[str]:
    """The keys of the series that any of the runs has."""
    return set(Series.objects.filter(run_id__in=run_ids).values_list("key", flat=True).distinct())


def series_summaries(
    run_ids: Sequence[str], keys: Sequence[str] | None = None
) -> dict[str, dict[str, SeriesSummary]]:
    """The summaries of each run by key, in order of the keys; those of `keys` when given."""
    rows: QuerySet[Series] = Series.objects.filter(run_id__in=run_ids).order_by("key")
    if keys is not None:
        rows = rows.filter(key__in=keys)
    found: dict[str, dict[str, SeriesSummary]] = {run_id: {} for run_id in run_ids}
    for row in rows:
        found[row.run_id][row.key] = summaries.from_row(row)
    return found
