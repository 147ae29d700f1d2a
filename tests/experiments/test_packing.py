"""Columns and blocks as bytes: back bit for bit, in today's form and in those of the past."""

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext

from experiments import columns, folding, pyramid, reading, recording
from experiments.models import ChunkOverview, Run, SeriesChunk
from experiments.shapes import SeriesPoints
from tests import factories

N = 5_000
STEPS = np.arange(N)
TIMES = 1.8e9 + STEPS * 0.01
NOISE = np.random.default_rng(1).normal(size=N)
ODD = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7e308, 1.0], dtype=np.float64)


def bits(column):
    return np.asarray(column, dtype=np.float64).view(np.int64).tolist()


@pytest.mark.parametrize(
    "values",
    [NOISE, NOISE.astype(np.float32).astype(np.float64), np.round(NOISE), np.resize(ODD, N), ODD],
    ids=["noise", "float32", "repeated", "odd", "few"],
)
def test_points_come_back_bit_for_bit(values):
    n = len(values)

    steps, times, found = columns.unpack_points(columns.pack_points(STEPS[:n], TIMES[:n], values))

    assert steps.tolist() == STEPS[:n].tolist()
    assert bits(times) == bits(TIMES[:n])
    assert bits(found) == bits(values)


def test_points_packed_before_values_were_transposed_are_read():
    plain = NOISE.astype("<f8").tobytes()
    former = columns.compress(columns.encode_steps(STEPS) + plain + columns.encode_times(TIMES))

    steps, times, values = columns.unpack_points(former)

    assert (steps.tolist(), bits(times), bits(values)) == (STEPS.tolist(), bits(TIMES), bits(NOISE))


def test_what_a_training_loop_logs_takes_few_bytes():
    """A float32 loss, and a step every 10 ms give or take: less than 6 of its 24 bytes."""
    loss = np.exp(-STEPS / N) + NOISE * 0.05
    times = TIMES + np.random.default_rng(0).uniform(0, 0.001, N)

    packed = columns.pack_points(STEPS, times, loss.astype(np.float32).astype(np.float64))

    assert len(packed) < 6 * N


def blocks_of(size):
    return pyramid.every(pyramid.of_points(STEPS, TIMES, NOISE), size)


def test_every_level_is_as_if_made_from_the_points():
    fine, overview = pyramid.pack(STEPS, TIMES, NOISE)

    found = {16: pyramid.unpack(fine, N)}
    for level in (256, 1024, 4096):
        found[level] = pyramid.unpack_overview(overview, N, level)

    for level, blocks in found.items():
        expected = blocks_of(level)
        assert blocks.table[:10].tolist() == expected.table[:10].tolist()
        np.testing.assert_allclose(blocks.mean, expected.mean, rtol=1e-13)


def former_pyramid():
    """All levels in one table, as it was before there were overviews."""
    levels, blocks, size = [], pyramid.of_points(STEPS, TIMES, NOISE), 1
    for level in (16, 256, 4096):
        blocks, size = pyramid.every(blocks, level // size), level
        levels.append(blocks.table)
    return columns.compress(np.hstack(levels).astype("<i8").tobytes())


def test_blocks_packed_before_there_were_overviews_are_read():
    assert pyramid.unpack(former_pyramid(), N).table.tolist() == blocks_of(16).table.tolist()


def fold(points=N):
    run = factories.make_run()
    series = [SeriesPoints("loss", STEPS[:points], TIMES[:points], NOISE[:points])]
    recording.record(run_id=run.pk, client="c", number=0, series=series)
    folding.fold_run(run.pk)
    return run


@pytest.mark.django_db
def test_a_chunk_and_its_overview_come_and_go_together():
    run = fold()
    late = [SeriesPoints("loss", STEPS[:3], TIMES[:3], NOISE[:3])]
    recording.record(run_id=run.pk, client="c", number=1, series=late)
    folding.fold_run(run.pk)

    chunks = set(SeriesChunk.objects.values_list("pk", flat=True))
    assert chunks == set(ChunkOverview.objects.values_list("chunk_id", flat=True))

    recording.rewind(run_id=run.pk, after_step=10, attempt=None)
    chunks = set(SeriesChunk.objects.values_list("pk", flat=True))
    assert chunks == set(ChunkOverview.objects.values_list("chunk_id", flat=True)) != set()

    Run.objects.all().delete()
    assert not ChunkOverview.objects.exists()


@pytest.mark.django_db
def test_a_very_wide_range_reads_overviews_alone():
    run = fold()

    with CaptureQueriesContext(connection) as queries:
        (view,) = reading.series([run.pk], ["loss"], width=10)

    assert (view.points, len(view.x)) == (N, 10)
    assert (view.low.min(), view.high.max()) == (NOISE.min(), NOISE.max())
    read = " ".join(query["sql"] for query in queries)
    assert '"blocks"' in read
    assert '"pyramid"' not in read
    assert '"data"' not in read


@pytest.mark.django_db(transaction=True)
def test_an_upgrade_writes_the_overviews_of_what_is_there():
    run = fold()
    expected = bytes(ChunkOverview.objects.get().blocks)
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate([("experiments", "0017_documents")])
    try:
        SeriesChunk.objects.update(pyramid=former_pyramid())
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)

    assert bytes(ChunkOverview.objects.get().blocks) == expected
    (view,) = reading.series([run.pk], ["loss"], width=300)
    assert (view.low.min(), view.high.max()) == (NOISE.min(), NOISE.max())
