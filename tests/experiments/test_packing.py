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


def assert_same(blocks, expected):
    """All but the means to the bit, those to what is kept of them."""
    assert blocks.table[:10].tolist() == expected.table[:10].tolist()
    np.testing.assert_allclose(blocks.mean, expected.mean, rtol=4e-9)


def test_every_level_is_as_if_made_from_the_points():
    fine, overview = pyramid.pack(STEPS, TIMES, NOISE)

    assert_same(pyramid.unpack([fine], [N]), blocks_of(20))
    for level in (200, 1000, 4000):
        assert_same(pyramid.unpack_overviews([overview], [N], level), blocks_of(level))


@pytest.mark.parametrize("value", [0.1, -3.7e300, 5e-324, np.inf, np.nan])
def test_the_mean_of_a_constant_is_the_constant(value):
    fine, _ = pyramid.pack(STEPS, TIMES, np.full(N, value))

    expected = value if np.isfinite(value) else np.nan
    assert bits(pyramid.unpack([fine], [N]).mean) == bits(np.full(N // 20, expected))


def test_blocks_of_several_chunks_come_in_their_order_whatever_their_form():
    parts = (slice(0, 2000), slice(2000, 4000), slice(4000, N))
    chunks = [(STEPS[part], TIMES[part], NOISE[part]) for part in parts]
    packed = [pyramid.pack(*chunk) for chunk in chunks]
    of_before = every_former(*chunks[1])
    sizes = [len(chunk[0]) for chunk in chunks]

    fine = pyramid.unpack([packed[0][0], of_before[0], packed[2][0]], sizes)
    coarse = pyramid.unpack_overviews([packed[0][1], of_before[1], packed[2][1]], sizes, 1000)

    assert fine.count.tolist() == [20] * 100 + [16] * 125 + [20] * 50
    assert coarse.count.tolist() == [1000, 1000, 1024, 976, 1000]
    for blocks in (fine, coarse):
        assert (np.diff(blocks.last_step) > 0).all()
        assert blocks.low.min() == NOISE.min()
        np.testing.assert_allclose(np.average(blocks.mean, weights=blocks.count), NOISE.mean())


def every_former(steps, times, values):
    """A chunk's blocks and overview of the levels before today's, packed as they were."""
    tables, blocks, size = [], pyramid.of_points(steps, times, values), 1
    for level in pyramid.FORMER_LEVELS:
        blocks, size = pyramid.every(blocks, level // size), level
        tables.append(blocks.table.copy())

    def packed(table):
        grows = [0, 1, 4, 6]
        table[grows] = np.diff(table[grows], axis=1, prepend=np.int64(0))
        return b"\1" + columns.compress(columns.scattered(table))

    return packed(tables[0]), packed(np.hstack(tables[1:]))


def former_pyramid():
    """All levels in one table, as it was before there were overviews."""
    levels, blocks, size = [], pyramid.of_points(STEPS, TIMES, NOISE), 1
    for level in (16, 256, 4096):
        blocks, size = pyramid.every(blocks, level // size), level
        levels.append(blocks.table)
    return columns.compress(np.hstack(levels).astype("<i8").tobytes())


def test_blocks_packed_before_there_were_overviews_are_read():
    assert pyramid.unpack([former_pyramid()], [N]).table.tolist() == blocks_of(16).table.tolist()


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
        (view,) = reading.series([run.pk], ["loss"], width=5)

    assert (view.points, len(view.x)) == (N, 5)
    assert (view.low.min(), view.high.max()) == (NOISE.min(), NOISE.max())
    read = " ".join(query["sql"] for query in queries)
    assert '"blocks"' in read
    assert '"pyramid"' not in read
    assert '"data"' not in read


@pytest.mark.django_db(transaction=True)
def test_an_upgrade_writes_the_overviews_of_what_is_there():
    run = fold()
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate([("experiments", "0017_documents")])
    try:
        SeriesChunk.objects.update(pyramid=former_pyramid())
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)

    overview = ChunkOverview.objects.get().blocks
    assert_same(pyramid.unpack_overviews([overview], [N], 200), blocks_of(256))
    for width in (10, 300):
        (view,) = reading.series([run.pk], ["loss"], width=width)
        assert (view.low.min(), view.high.max()) == (NOISE.min(), NOISE.max())
