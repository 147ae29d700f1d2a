"""Random histories of a run against a plain list: what is read is what was recorded."""

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import chunks, folding, pyramid, reading, recording
from experiments.models import MetricBatch, Run, Series, SeriesChunk
from experiments.shapes import SeriesPoints, SeriesSummary
from tests import factories

pytestmark = pytest.mark.django_db
KEYS = ("loss", "accuracy")
TIME = 1_700_000_000.0


@dataclass
class Model:
    """A run as a list of (key, step, time, value) in order of arrival."""

    run: Run
    points: list[tuple[str, int, float, float]] = field(default_factory=list)
    batches: list[list[SeriesPoints]] = field(default_factory=list)

    def of(self, key):
        mine = [point[1:] for point in self.points if point[0] == key]
        return sorted(mine, key=lambda point: point[0])  # stable: arrival order within a step

    def record(self, series):
        recorded = self.send(series, len(self.batches))
        assert not recorded.duplicate
        self.batches.append(series)
        for one in series:
            for step, time, value in zip(one.steps, one.times, one.values, strict=True):
                self.points.append((one.key, int(step), float(time), float(value)))

    def repeat(self, place):
        if self.batches:
            number = place % len(self.batches)
            assert self.send(self.batches[number], number).duplicate

    def send(self, series, number):
        return recording.record(run_id=self.run.id, client="c", number=number, series=series)

    def rewind(self, step):
        kept = [point for point in self.points if point[1] <= step]
        dropped = recording.rewind(run_id=self.run.id, after_step=step, attempt=1)
        assert dropped == len(self.points) - len(kept)
        self.points = kept


steps = st.integers(-3, 40) | st.sampled_from([-(2**63), 2**63 - 1])
values = st.floats(width=64) | st.sampled_from([math.nan, math.inf, -math.inf, -0.0])


@st.composite
def batches(draw):
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    series = []
    for key in keys:
        points = draw(st.lists(st.tuples(steps, values), min_size=1, max_size=25))
        column = np.array([point[0] for point in points], dtype=np.int64)
        times = TIME + draw(st.integers(0, 9)) + np.arange(len(points)) / 7
        series.append(SeriesPoints(key, column, times, np.array([p[1] for p in points])))
    return series


actions = st.one_of(
    st.tuples(st.just("record"), batches()),
    st.tuples(st.just("record"), batches()),
    st.tuples(st.just("repeat"), st.integers(0, 99)),
    st.tuples(st.just("fold"), st.none()),
    st.tuples(st.just("rewind"), steps),
)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 4 points, so that a few points make many."""
    monkeypatch.setattr(chunks, "CHUNK_POINTS", 4)
    monkeypatch.setattr(pyramid, "LEVELS", (2, 4, 8))


@given(st.lists(actions, max_size=14), st.integers(1, 9), st.tuples(steps, steps))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_points_read_are_the_points_recorded(small_chunks, history, width, limits):
    model = Model(factories.make_job(status="running").run)
    for action, argument in history:
        if action == "fold":
            folding.fold_run(model.run.id)
            assert not MetricBatch.objects.filter(run=model.run, payload__isnull=False).exists()
        else:
            getattr(model, action)(argument)
        check_summaries(model)
        check_points(model, page=max(width, 3))
    check_exact(model, *sorted(limits))
    check_buckets(model, width, *sorted(limits))
    check_chunks(model)


def bits(points):
    return [(p[0], p[1], np.float64(p[2]).tobytes()) for p in points]


def check_points(model, page):
    for key in KEYS:
        read, after = [], None
        while True:
            found = reading.points(model.run.id, key, after=after, limit=page)
            read += [(p.step, p.time, p.value) for p in found.points]
            assert found.next is None or len(found.points) == page
            if found.next is None:
                break
            after = found.next
        assert bits(read) == bits(model.of(key))


def check_summaries(model):
    found = reading.series_summaries([model.run.id])[model.run.id]
    assert sorted(found) == sorted({point[0] for point in model.points})
    for key, summary in found.items():
        expected = plain_summary(key, model.of(key))
        assert same(summary) == same(expected)


def same(summary):
    """Comparable where NaN is: SQLite keeps no sign of zero in summaries."""
    plain = dataclasses.asdict(summary)
    return {k: repr(v + 0.0) if isinstance(v, float) else v for k, v in plain.items()}


def plain_summary(key, points):
    finite = [(value, step) for step, _, value in points if math.isfinite(value)]
    bad = [step for step, _, value in points if not math.isfinite(value)]
    least = min((value for value, _ in finite), default=None)
    newest = max(points, key=lambda p: (p[0], p[1], 0.0 if math.isnan(p[2]) else p[2]))
    most = max((value for value, _ in finite), default=None)
    return SeriesSummary(
        key=key,
        count=len(points),
        nonfinite=len(bad),
        first_step=points[0][0],
        last_step=points[-1][0],
        last=newest[2],
        last_time=newest[1],
        least=least,
        least_step=min((step for value, step in finite if value == least), default=None),
        most=most,
        most_step=min((step for value, step in finite if value == most), default=None),
        first_bad_step=min(bad, default=None),
    )


def view_of(model, key, **arguments):
    views = reading.series([model.run.id], [key], **arguments)
    assert len(views) == bool(model.of(key))
    return views[0] if views else None


def check_exact(model, first, last):
    for key in KEYS:
        view = view_of(model, key, first_step=first, last_step=last, width=10_000)
        if view is None:
            continue
        expected = [point for point in model.of(key) if first <= point[0] <= last]
        assert view.exact
        assert view.points == len(expected)
        assert view.x.tolist() == [point[0] for point in expected]
        assert view.times.tolist() == [point[1] for point in expected]
        values = [point[2] if math.isfinite(point[2]) else math.nan for point in expected]
        for column in (view.low, view.high, view.mean, view.last):
            np.testing.assert_array_equal(column, values)
        bad = [(step, value) for step, _, value in expected if not math.isfinite(value)]
        assert view.bad_steps.tolist() == [step for step, _ in bad]
        assert list(map(float, view.bad_kinds)) == pytest.approx([v for _, v in bad], nan_ok=True)


def check_buckets(model, width, first, last):
    for key in KEYS:
        view = view_of(model, key, first_step=first, last_step=last, width=width)
        if view is None:
            continue
        expected = [point for point in model.of(key) if first <= point[0] <= last]
        finite = [value for _, _, value in expected if math.isfinite(value)]
        assert len(view.x) <= width
        assert view.counts.sum() == view.points == len(expected)
        assert view.bad_count == len(expected) - len(finite)
        assert (view.bad_count > 0) == (len(view.bad_steps) > 0)
        if expected:
            assert (view.first_step, view.last_step) == (expected[0][0], expected[-1][0])
            assert view.x[-1] == expected[-1][0]
        if finite:
            assert (np.nanmin(view.low), np.nanmax(view.high)) == (min(finite), max(finite))
            assert np.fmax(view.low, view.mean) == pytest.approx(view.mean, nan_ok=True)
            assert np.fmin(view.high, view.mean) == pytest.approx(view.mean, nan_ok=True)


def check_chunks(model):
    """Chunks in their order hold points in order, and say rightly which."""
    for row in Series.objects.filter(run=model.run):
        end = -(2**63)
        stored = SeriesChunk.objects.filter(series=row)
        for chunk in stored.order_by("first_step", "last_step", "number"):
            steps, _, _ = chunks.load_points([chunk.id])
            assert (chunk.points, chunk.first_step, chunk.last_step) == (
                len(steps), steps[0], steps[-1],
            )  # fmt: skip
            assert steps[0] >= end
            assert len(steps) < 8
            end = steps[-1]
