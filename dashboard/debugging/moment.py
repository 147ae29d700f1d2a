"""What else was going on at a moment of a run: console lines, and how the machine did."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from experiments import reading
from experiments.shapes import LogLine, SeriesView, Window

AROUND_S = 15.0
MOST_LINES = 40
MOST_METRICS = 40
MACHINE = "system/"


@dataclass(frozen=True)
class Machine:
    """One of the machine's metrics: the value nearest to the moment, and how far away it is."""

    key: str
    value: float
    seconds: float  # from the moment


@dataclass(frozen=True)
class Moment:
    """A step of a metric with what was around it."""

    key: str
    step: int
    at: datetime
    lines: tuple[LogLine, ...]
    machine: tuple[Machine, ...]


def moment_of(run_id: str, key: str, step: int) -> Moment | None:
    """What was within `AROUND_S` seconds of a point; None where there is no such point."""
    points = reading.points_at(run_id, {key: [step]}).get(key)
    if points is None or not len(points[1]):
        return None
    time = float(points[1][0])
    at = datetime.fromtimestamp(time, UTC)
    return Moment(key, step, at, _lines(run_id, at), _machine(run_id, time))


def _lines(run_id: str, at: datetime) -> tuple[LogLine, ...]:
    """Lines that begin with a time of day near the moment; days are not told apart."""
    seconds = range(-int(AROUND_S), int(AROUND_S) + 1)
    near = {f"{at + timedelta(seconds=s):%H:%M:%S}" for s in seconds}
    found = [
        line
        for minute in sorted({time[:5] for time in near})
        for line in reading.log_lines(run_id, contains=f"{minute}:").lines
        if line.text[:8] in near
    ]
    unique = {line.number: line for line in found}
    return tuple(unique[number] for number in sorted(unique)[-MOST_LINES:])


def _machine(run_id: str, time: float) -> tuple[Machine, ...]:
    keys = [key for key in reading.series_keys([run_id])[run_id] if key.startswith(MACHINE)]
    window = Window("time", time - AROUND_S, time + AROUND_S)
    views = reading.charted([run_id], keys[:MOST_METRICS], window)
    return tuple(one for view in views if (one := _nearest(view, time)) is not None)


def _nearest(view: SeriesView, time: float) -> Machine | None:
    if not len(view.times):
        return None
    place = int(np.argmin(np.abs(view.times - time)))
    return Machine(view.key, float(view.last[place]), float(view.times[place]) - time)
