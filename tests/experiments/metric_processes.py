"""What the processes of test_folding_processes.py do: `python -m ... ACTION ARGUMENTS`."""

import json
import os
import signal
import sys
import time

import django
import numpy as np

django.setup()

from experiments import folding, pyramid, reading, recording  # noqa: E402
from experiments.models import MetricBatch, SeriesChunk  # noqa: E402
from experiments.shapes import SeriesPoints  # noqa: E402
from tests import factories  # noqa: E402

POINTS = 10  # of a batch


def make_run():
    print(factories.make_run(factories.make_project()).id)


def write(run_id, writer, batches):
    """Batches of one series: steps 0, 1, 2 ... with the value of the step; each sent twice."""
    for number in range(int(batches)):
        steps = np.arange(POINTS) + number * POINTS
        series = [SeriesPoints(f"w{writer}", steps, steps / 8, steps.astype(float))]
        for _ in range(2):
            recording.record(run_id=run_id, client=f"w{writer}", number=number, series=series)


def fold(run_id, points):
    """Folds until so many points have been folded by anybody."""
    deadline = time.monotonic() + 120
    while MetricBatch.objects.filter(run_id=run_id, payload__isnull=True).count() * POINTS < int(
        points
    ):
        folding.fold_run(run_id)
        assert time.monotonic() < deadline


def read(run_id, keys, points):
    """Reads until all points are there: at every moment a prefix of what is written."""
    deadline = time.monotonic() + 120
    lengths = [0]
    while lengths[-1] < int(points):
        views = reading.series([run_id], keys.split(","), width=1_000_000)
        for view in views:
            assert view.x.tolist() == list(range(len(view.x)))
            assert (view.mean == view.x).all()
        lengths.append(sum(view.points for view in views))
        assert lengths[-1] >= lengths[-2]
        assert time.monotonic() < deadline
    print(json.dumps({"reads": len(lengths), "points": lengths[-1]}))


def die_folding(run_id, place):
    """Kills itself when it packs chunk number `place` of a fold, or just before the commit."""
    pack, packed = pyramid.pack, []

    def dying_pack(*columns):
        packed.append(columns)
        if len(packed) == int(place):
            os.kill(os.getpid(), signal.SIGKILL)
        return pack(*columns)

    pyramid.pack = dying_pack
    if place == "commit":
        pyramid.pack = pack
        folding._by_key = lambda payloads, real=folding._by_key: _Dying(real(payloads))
    folding.fold_run(run_id)


class _Dying(dict):
    def values(self):  # asked for last, when chunks are written and batches emptied
        assert SeriesChunk.objects.exists()
        assert not MetricBatch.objects.filter(payload__isnull=False).exists()
        os.kill(os.getpid(), signal.SIGKILL)


def state(run_id):
    views = reading.series([run_id], reading.series_keys([run_id])[run_id], width=1_000_000)
    unfolded = MetricBatch.objects.filter(run_id=run_id, payload__isnull=False).count()
    return {"unfolded": unfolded, "steps": {view.key: view.x.tolist() for view in views}}


def show(run_id):
    print(json.dumps(state(run_id)))


def prepare():
    """A run of three series of 50 unfolded points each."""
    run_id = factories.make_run(factories.make_project()).id
    for writer in range(3):
        write(run_id, writer, 5)
    print(run_id)


def fold_twice(run_id):
    before = state(run_id)
    folded = [folding.fold_run(run_id), folding.fold_run(run_id)]
    print(json.dumps({"before": before, "folded": folded, "after": state(run_id)}))


if __name__ == "__main__":
    ACTIONS = (make_run, prepare, write, fold, read, die_folding, show, fold_twice)
    {action.__name__: action for action in ACTIONS}[sys.argv[1]](*sys.argv[2:])
