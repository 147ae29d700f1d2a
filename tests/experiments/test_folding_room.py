"""What folded batches took in PostgreSQL is given back before autovacuum comes by."""

import os

import numpy as np
import pytest
from django.db import connection

from experiments import folding, recording
from experiments.models import MetricBatch
from experiments.shapes import SeriesPoints
from tests import database
from tests.factories import make_run

pytestmark = [
    pytest.mark.on_postgresql,
    pytest.mark.skipif(database.URL not in os.environ, reason="only on PostgreSQL"),
    pytest.mark.django_db(transaction=True),
]


def fold_much() -> None:
    """Batches of noise, which no compression makes small enough for a row, and their folding."""
    run = make_run()
    noise = np.random.default_rng(0)
    for number in range(4):
        steps = np.arange(4_000) + 4_000 * number
        points = SeriesPoints("loss", steps, noise.random(4_000), noise.random(4_000))
        recording.record(run_id=run.pk, client="c", number=number, series=[points])
    assert folding.fold_run(run.pk) == 16_000


def vacuums() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT vacuum_count FROM pg_stat_all_tables WHERE relid = %s::regclass",
            [MetricBatch._meta.db_table],
        )
        (count,) = cursor.fetchone()
    return int(count)


def test_little_room_is_left_to_autovacuum():
    fold_much()
    before = vacuums()

    folding.give_back_room()

    assert vacuums() == before


def test_much_room_is_given_back_at_once(monkeypatch):
    monkeypatch.setattr(folding, "DEAD_PIECES", 20)
    fold_much()
    before = vacuums()

    folding.give_back_room()

    assert vacuums() == before + 1
