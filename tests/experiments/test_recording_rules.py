"""Fences, rewinding, console and evaluations: the rules one by one."""

import struct

import msgspec
import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments import columns, folding, intervals, journal, reading, recording
from experiments.errors import Conflict, Invalid, NotFound, Superseded
from experiments.models import Evaluation, MetricBatch, Run, RunStatus, Series, SeriesChunk
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db


def points(key="loss", steps=(0, 1), values=(1.0, 2.0)):
    return SeriesPoints(key, np.array(steps, np.int64), np.zeros(len(steps)), np.array(values))


def record(run, number=0, series=None, **arguments):
    series = [points()] if series is None else series
    return recording.record(run_id=run.id, client="c", number=number, series=series, **arguments)


@pytest.fixture
def job():
    return factories.make_job(status="running")  # in its attempt 1


def test_a_superseded_attempt_writes_nothing(job):
    record(job.run, attempt=1)
    for attempt in (0, 2):
        with pytest.raises(Superseded):
            record(job.run, number=1, attempt=attempt)
        with pytest.raises(Superseded):
            recording.rewind(run_id=job.run_id, after_step=-1, attempt=attempt)
        with pytest.raises(Superseded):
            record_evaluation(job.run, attempt=attempt)
    assert (MetricBatch.objects.count(), Evaluation.objects.count()) == (1, 0)
    assert Series.objects.get().count == 2


def test_an_attempt_of_a_job_that_ended_is_superseded():
    job = factories.make_job(status="completed")
    with pytest.raises(Superseded):
        record(job.run, attempt=1)


@pytest.mark.parametrize("status", RunStatus.values)
def test_a_run_in_any_status_takes_late_points(status):
    run = factories.make_run(status=status)
    assert not record(run).duplicate
    assert Run.objects.get(pk=run.pk).status == status


def test_no_such_run():
    with pytest.raises(NotFound):
        recording.record(run_id="nosuchrun", client="c", number=0, series=[points()])


@pytest.mark.parametrize(
    "series",
    [
        [],
        [SeriesPoints("a", np.zeros(2, np.int64), np.zeros(2), np.zeros(1))],
        [SeriesPoints("a", np.zeros(1), np.zeros(1), np.zeros(1))],
        [SeriesPoints("a", np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.float32))],
        [SeriesPoints("a", np.zeros((1, 1), np.int64), np.zeros((1, 1)), np.zeros((1, 1)))],
        [SeriesPoints("a", np.zeros(1, np.int64), np.array([np.inf]), np.zeros(1))],
    ],
)
def test_arrays_are_checked_like_bodies(series):
    with pytest.raises(Invalid):
        record(factories.make_run(), series=series)
    assert not MetricBatch.objects.exists()


def test_a_run_holds_only_so_many_series(monkeypatch):
    monkeypatch.setattr(recording.points, "SERIES_PER_RUN", 2)
    run = factories.make_run()
    record(run, series=[points("a"), points("b")])
    record(run, number=1, series=[points("a")])
    with pytest.raises(Invalid, match="at most 2 series") as error:
        record(run, number=2, series=[points("a"), points("c")])
    assert error.value.code == "too_many_series"
    assert Series.objects.filter(run=run).count() == 2
    assert MetricBatch.objects.count() == 2


def test_rewinding_takes_back_evaluations_and_progress(job):
    Run.objects.filter(pk=job.run_id).update(progress_step=9, progress_total=20)
    for step in (3, 7):
        record_evaluation(job.run, step=step, attempt=1)
    record(job.run, series=[points(steps=(3, 7)), points("late", steps=(5, 6))], attempt=1)
    assert recording.rewind(run_id=job.run_id, after_step=4, attempt=1) == 3
    assert recording.rewind(run_id=job.run_id, after_step=4, attempt=1) == 0
    rewind = job.run.rewinds.get()  # nothing to say of the second
    assert (rewind.after_step, rewind.points, rewind.evaluations, rewind.attempt) == (4, 3, 1, 1)
    assert [row.step for row in Evaluation.objects.all()] == [3]
    job.run.refresh_from_db()
    assert (job.run.progress_step, job.run.progress_total) == (4, 20)
    assert reading.series_keys([job.run_id]) == {job.run_id: ["loss"]}
    assert record(job.run, series=[points(steps=(3, 7)), points("late", steps=(5, 6))]).duplicate


def test_a_run_that_grew_past_the_bound_is_folded(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(folding, "BATCHES_UNFOLDED", 3)
    run = factories.make_run()
    left = []
    for number in range(4):
        with django_capture_on_commit_callbacks(execute=True):
            record(run, number)
        left.append(MetricBatch.objects.filter(payload__isnull=False).count())
    assert left == [1, 2, 0, 1]


def test_pending_runs_are_folded_up_to_the_limit():
    runs = [factories.make_run() for _ in range(3)]
    for run in runs:
        record(run)
    assert folding.fold_pending(2) == 4
    assert folding.fold_pending(2) == 2
    assert folding.fold_pending(2) == 0
    assert SeriesChunk.objects.count() == 3


def test_a_late_point_leaves_no_splinters():
    run = factories.make_run()
    steps = np.arange(0, 80_000, 2)
    record(run, series=[points(steps=steps, values=steps / 2)])
    folding.fold_run(run.id)
    for number in range(1, 6):
        record(run, number, series=[points(steps=(number * 5001,), values=(0.0,))])
        folding.fold_run(run.id)
    sizes = SeriesChunk.objects.order_by("first_step").values_list("points", flat=True)
    assert (sum(sizes), len(sizes)) == (40_005, 5)


def test_queries_do_not_grow_with_runs_series_or_chunks():
    project = factories.make_project()

    def fill(count):
        runs = [factories.make_run(project) for _ in range(count)]
        for run in runs:
            record(run, series=[points(k, np.arange(9000), np.ones(9000)) for k in ("a", "b")])
            folding.fold_run(run.id)
            record(run, 1, series=[points("a", (9000,), (1.0,))])
        return [run.id for run in runs]

    def queries(runs):
        with CaptureQueriesContext(connection) as captured:
            views = reading.series(runs, ["a", "b"], first_step=5, last_step=9000, width=100)
        assert len(views) == len(runs) * 2
        assert sum(view.points for view in views) == len(runs) * (8996 + 8995)
        return len(captured)

    assert queries(fill(1)) == queries(fill(6)) <= 6


def test_a_wide_range_is_read_from_the_pyramid():
    run = factories.make_run()
    values = np.sin(np.arange(50_000) / 100)
    values[31_234] = 50.0  # a spike must not vanish
    record(run, series=[points(steps=np.arange(50_000), values=values)])
    folding.fold_run(run.id)
    (view,) = reading.series([run.id], ["loss"], width=200)
    assert not view.exact
    assert 100 <= len(view.x) <= 200
    assert view.high.max() == 50.0
    weighted = (view.mean * view.counts).sum() / view.points
    assert weighted == pytest.approx(values.mean(), abs=4e-9)
    with CaptureQueriesContext(connection) as captured:
        reading.series([run.id], ["loss"], width=200)
    assert not any('"data"' in query["sql"] for query in captured)


def test_batches_come_back_bit_for_bit():
    steps = np.array([2**63 - 1, -(2**63), 0, 5], np.int64)
    times = np.array([0.0, 1.8e9, 1.8e9 + 1e-6, 3e10])
    bits = np.array([0x7FF8000000000001, -0x8000000000000000, 1, 0x7FF0000000000000 - 1])
    values = bits.view(np.float64)
    sent = [
        SeriesPoints("é", steps, times, values),
        SeriesPoints("b", steps.copy(), times.copy(), values[::-1]),
        SeriesPoints("c", steps[:1], times[:1], values[:1]),
    ]
    groups = journal.grouped(sent)
    assert [group.keys for group in groups] == [["é", "b"], ["c"]]
    packed = journal.pack(groups)
    for one, before in zip(journal.unpack(packed), sent, strict=True):
        assert one.key == before.key
        assert one.steps.tolist() == before.steps.tolist()
        assert one.times.tolist() == before.times.tolist()
        assert one.values.view(np.int64).tolist() == before.values.view(np.int64).tolist()
    assert [one.key for one in journal.unpack(packed, {"c", "b"})] == ["b", "c"]
    assert journal.unpack(packed, {"other"}) == []


def test_a_batch_of_before_there_were_groups_is_read():
    steps, times, values = np.arange(3), np.arange(3) + 1.8e9, np.array([1.0, np.nan, 3.0])
    header = msgspec.msgpack.encode([("a", 2), ("b", 1)])
    columns_ = columns.encode_steps(steps) + values.tobytes() + columns.encode_times(times)
    packed = columns.compress(struct.pack("<I", len(header)) + header + columns_)
    first, second = journal.unpack(packed)
    assert (first.key, first.steps.tolist(), first.times.tolist()) == (
        "a",
        [0, 1],
        [1.8e9, 1.8e9 + 1],
    )
    assert (second.key, second.steps.tolist(), second.values.tolist()) == ("b", [2], [3.0])


def record_evaluation(run, *, step=10, attempt=None, **changes):
    losses = np.array([[4.0, 1.0], [2.0, 3.0], [0.0, np.nan]])
    return recording.record_evaluation(
        **{
            "run_id": run.id,
            "attempt": attempt,
            "name": "test",
            "split": "test",
            "step": step,
            "episode_ids": ["e0", "e1", "e2"],
            "losses": losses,
            "accuracies": 1 / (1 + losses),
            "inner_steps": 1,
            "protocol": {"inner_steps_trained": 1},
            "illustration": None,
            **changes,
        }
    )


def test_an_evaluation_keeps_every_episode():
    run = factories.make_run()
    found = reading.episodes(Evaluation.objects.get(pk=record_evaluation(run).pk))
    assert found.ids == ("e0", "e1", "e2")
    np.testing.assert_array_equal(found.losses, [[4.0, 1.0], [2.0, 3.0], [0.0, np.nan]])
    np.testing.assert_array_equal(found.accuracies[0], [0.2, 0.5])


def test_adaptation_is_the_mean_with_a_t_interval():
    evaluation = record_evaluation(factories.make_run())
    curve = reading.adaptation(evaluation)
    assert curve.mean.tolist() == [2.0, 2.0]
    # By hand: s = 2, n = 3, t(0.975, 2) = 4.30265; s = sqrt(2), n = 2, t(0.975, 1) = 12.7062.
    assert curve.half_width == pytest.approx([4.30265 * 2 / 3**0.5, 12.7062], rel=1e-5)
    assert (curve.counts.tolist(), curve.nonfinite.tolist()) == ([3, 2], [0, 1])
    assert curve.trained_inner_steps == 1
    assert evaluation.summary["loss"]["mean"] == [2.0, 2.0]
    assert reading.adaptation(evaluation, "accuracy").mean[0] == pytest.approx(
        (0.2 + 1 / 3 + 1) / 3
    )


def test_an_interval_needs_two_numbers():
    summary = intervals.summary(np.array([[1.0, np.inf]]))
    assert summary == {"mean": [1.0, None], "half_width": [None, None], "nonfinite": [0, 1]}


def test_an_evaluation_of_one_step_is_replaced():
    run = factories.make_run()
    first = record_evaluation(run)
    second = record_evaluation(run, losses=np.zeros((3, 2)), accuracies=None)
    assert first.pk == second.pk
    with pytest.raises(NotFound):
        reading.adaptation(Evaluation.objects.get(), "accuracy")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"losses": np.zeros((3, 3))}, "losses"),
        ({"accuracies": np.zeros((2, 2))}, "accuracies"),
        ({"inner_steps": -1}, "inner_steps"),
        ({"episode_ids": []}, "episode_ids"),
        ({"episode_ids": ["a", "b", "a"]}, "episode_ids[2]"),
        ({"episode_ids": ["a", "b\n", "c"]}, "episode_ids[1]"),
        ({"name": ""}, "name"),
        ({"split": "x" * 33}, "split"),
    ],
)
def test_a_bad_evaluation_names_the_field(changes, field):
    with pytest.raises(Invalid) as error:
        record_evaluation(factories.make_run(), **changes)
    assert list(error.value.fields) == [field]


def append(run, number, text, attempt=1):
    recording.append_log(run_id=run.id, attempt=attempt, number=number, text=text)


def test_console_lines_keep_their_numbers_over_attempts():
    run = factories.make_run()
    append(run, 0, "a\nb\n")
    append(run, 1, "\nloss \0 NaN\n")
    append(run, 0, "Again\n", attempt=2)
    append(run, 0, "a\nb\n")  # a repeat
    page = reading.log_lines(run.id)
    assert [(line.number, line.attempt, line.text) for line in page.lines] == [
        (1, 1, "a"), (2, 1, "b"), (3, 1, ""), (4, 1, "loss \ufffd NaN"), (5, 2, "Again"),
    ]  # fmt: skip
    assert (page.next, page.total) == (5, 5)


def test_console_is_read_from_where_the_reader_stopped():
    run = factories.make_run()
    append(run, 0, "a\nb\nc\n")
    first = reading.log_lines(run.id, limit=2)
    append(run, 1, "d\n")
    rest = reading.log_lines(run.id, after=first.next)
    assert [line.text for line in rest.lines] == ["c", "d"]
    assert reading.log_lines(run.id, after=rest.next).lines == ()
    assert [line.number for line in reading.log_lines(run.id, after=-2).lines] == [3, 4]
    assert [line.number for line in reading.log_lines(run.id, contains="B").lines] == [2]


def test_console_text_under_a_used_number_is_a_conflict():
    run = factories.make_run()
    append(run, 0, "a\n")
    with pytest.raises(Conflict):
        append(run, 0, "b\n")
    with pytest.raises(Invalid):
        append(run, 1, "")
