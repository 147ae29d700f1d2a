"""Every logged point of some series as CSV, line by line."""

import csv
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from experiments import floats, reading
from experiments.models import Run
from experiments.run_export import Echo, plain

HEAD = ("run", "name", "metric", "step", "time", "value")


def point_lines(runs: Sequence[Run], keys: Sequence[str]) -> Iterator[str]:
    """A head and a line for each point of these metrics of these runs, as RFC 4180 has it: in order
    of runs, metrics, steps and arrival. Values are exact; times are ISO 8601 in UTC to the
    microsecond."""
    writer = csv.writer(Echo())
    yield writer.writerow(HEAD)
    for run, key in itertools.product(runs, keys):
        columns = (column.tolist() for column in reading.all_points(run.pk, key))
        for step, time, value in zip(*columns, strict=True):
            at = datetime.fromtimestamp(time, UTC).isoformat()
            yield writer.writerow(
                [run.pk, plain(run.name), plain(key), step, at, floats.to_json(value)]
            )
