"""Series as a chart looks at them: along steps or time, zoomed in, smoothed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from experiments import pyramid
from experiments.chunks import Columns
from experiments.reading import sources
from experiments.reading.consistency import one_picture
from experiments.reading.curves import bucket_starts, draw, reduced
from experiments.reading.smoothing import debiased_average
from experiments.reading.sources import FIRST, LAST, Source
from experiments.shapes import FloatArray, IntArray, SeriesView, Window

WHOLE = Window()


def charted(
    run_ids: Sequence[str],
    keys: Sequence[str],
    window: Window = WHOLE,
    *,
    smooth: float = 0.0,
    width: int = 1000,
) -> list[SeriesView]:
    """The series of these runs and keys that have points, in the order of the arguments.

    Each is reduced to at most `width` buckets of the points in the window and of one more beyond
    each end, so that a line leaves the picture instead of stopping short of its edge. `smooth` is
    the weight of a moving average (below 1; 0 is off) over all points of the series: neither zoom
    nor width changes it. `origin` is there where the window's axis is "relative". On the axis of a
    metric a point is where that metric of its run was then: at its step, or last before it.
    """
    if smooth == 0 and window.is_whole and window.axis != "metric":
        with_origin = window.axis == "relative"
        return reduced(run_ids, keys, FIRST, LAST, width, with_origin=with_origin)
    with one_picture():
        found = _read(run_ids, keys)
        if window.axis != "metric":
            return [_view(source, window, smooth, width) for source in found]
        axes = {source.run_id: source.columns() for source in _read(run_ids, [window.against])}
    return [
        _view_against(source, axes[source.run_id], window, smooth, width)
        for source in found
        if source.run_id in axes
    ]


def _read(run_ids: Sequence[str], keys: Sequence[str]) -> list[Source]:
    """The series with all of their points."""
    by_id = sources.find(run_ids, keys)
    found = list(by_id.values())
    sources.read_unfolded(found, FIRST, LAST)
    sources.find_chunks(by_id, FIRST, LAST)
    sources.read_raw(found, FIRST, LAST, lambda _: True)
    return found


def _view_against(
    source: Source, axis: Columns, window: Window, smooth: float, width: int
) -> SeriesView:
    steps, times, values = source.columns()
    axis_steps, _, places = axis
    before = np.searchsorted(axis_steps, steps, side="right") - 1
    along = np.where(before >= 0, places[np.maximum(before, 0)], np.nan)
    there = np.isfinite(along)
    smoothed = debiased_average(values, smooth)[there] if smooth else None
    steps, times, values, along = steps[there], times[there], values[there], along[there]
    part = _part(along, window)
    smoothed = None if smoothed is None else smoothed[part]
    blocks = pyramid.of_points(steps[part], times[part], values[part])
    last = np.arange(len(blocks))
    exact = len(blocks) <= width
    if not exact:
        starts = bucket_starts(blocks, width)
        last = np.append(starts[1:], len(blocks)) - 1
        blocks = pyramid.merge(blocks, starts)
        smoothed = None if smoothed is None else _means(smoothed, starts)
    view = draw(source, blocks, exact=exact, origin=source.origin, smoothed=smoothed)
    return replace(view, along=along[part][last])


def _view(source: Source, window: Window, smooth: float, width: int) -> SeriesView:
    steps, times, values = source.columns()
    part = _part(_along(window, steps, times), window)
    blocks = pyramid.of_points(steps[part], times[part], values[part])
    smoothed = debiased_average(values, smooth)[part] if smooth else None
    exact = len(blocks) <= width
    if not exact:
        starts = bucket_starts(blocks, width)
        blocks = pyramid.merge(blocks, starts)
        smoothed = None if smoothed is None else _means(smoothed, starts)
    return draw(source, blocks, exact=exact, origin=source.origin, smoothed=smoothed)


def _along(window: Window, steps: IntArray, times: FloatArray) -> IntArray | FloatArray:
    """Where each point is on the window's axis."""
    if window.axis == "step":
        return steps
    return times - times[:1] if window.axis == "relative" else times


def _part(along: IntArray | FloatArray, window: Window) -> slice:
    """The points of all lines between neighbours that touch the window.

    Times may go back where steps go on, so that what lies between may leave it and come again.
    """
    first = -np.inf if window.first is None else window.first
    last = np.inf if window.last is None else window.last
    if len(along) < 2:
        return slice(0, int(len(along) == 1 and first <= along[0] <= last))
    nearer, farther = np.minimum(along[:-1], along[1:]), np.maximum(along[:-1], along[1:])
    lines = np.flatnonzero((farther >= first) & (nearer <= last))
    return slice(lines[0], lines[-1] + 2) if len(lines) else slice(0, 0)


def _means(column: FloatArray, starts: IntArray) -> FloatArray:
    """The mean of each group's finite numbers; NaN where it has none."""
    finite = np.isfinite(column)
    counts = np.add.reduceat(finite.astype(np.int64), starts)
    shares = np.repeat(1 / np.maximum(counts, 1), np.diff(np.append(starts, len(column))))
    # Weighted before they are added: no sum overflows.
    means = np.add.reduceat(np.where(finite, column, 0.0) * shares, starts)
    return np.where(counts > 0, means, np.nan)
