"""Series in numbers: the summary of points, of two lots of points, and its row in the database."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments import floats
from experiments.models import Series
from experiments.shapes import FloatArray, IntArray, SeriesSummary


@dataclass(slots=True)
class Stored:
    """The columns of a `Series` row that hold its summary."""

    run_id: str
    key: str
    count: int
    nonfinite: int
    first_step: int | None
    last_step: int | None
    last: float | None
    last_is: str
    last_time: float | None
    least: float | None
    least_step: int | None
    most: float | None
    most_step: int | None
    first_bad_step: int | None


# The columns `from_row` reads: rows of `values_list(*READ, named=True)` do as well.
READ = tuple(one.name for one in dataclasses.fields(Stored))
_NUMBERS = READ[2:]
# The columns `set_row` sets, and `updated_at`, which every save renews.
COLUMNS = (*_NUMBERS, "updated_at")


def summarize(key: str, steps: IntArray, times: FloatArray, values: FloatArray) -> SeriesSummary:
    """The summary of at least one point, whatever their order; times are finite."""
    finite = np.isfinite(values)
    if finite.all() and (steps[1:] >= steps[:-1]).all():
        return _summarize_clean(key, steps, times, values)
    newest = _newest(steps, times, values)
    bad_steps = steps[~finite]
    least, least_step = _first_extreme(steps[finite], values[finite], np.min)
    most, most_step = _first_extreme(steps[finite], values[finite], np.max)
    return SeriesSummary(
        key=key,
        count=len(steps),
        nonfinite=len(bad_steps),
        first_step=int(steps.min()),
        last_step=int(steps[newest]),
        last=float(values[newest]),
        last_time=float(times[newest]),
        least=least,
        least_step=least_step,
        most=most,
        most_step=most_step,
        first_bad_step=int(bad_steps.min()) if len(bad_steps) else None,
    )


def summarize_together(
    keys: Sequence[str], steps: IntArray, times: FloatArray, values: Sequence[FloatArray]
) -> list[SeriesSummary]:
    """The same of several series of one (N,) of steps and times; `values` has an (N,) for each."""
    table = np.array(values)
    rises = len(steps) == 1 or bool((steps[1:] > steps[:-1]).all())
    if len(keys) == 1 or not rises or not np.isfinite(table).all():
        pairs = zip(keys, values, strict=True)
        return [summarize(key, steps, times, one) for key, one in pairs]
    least, most = table.argmin(axis=1), table.argmax(axis=1)
    rows = np.arange(len(keys))
    count, first, last, time = len(steps), int(steps[0]), int(steps[-1]), float(times[-1])
    columns = (table[:, -1], table[rows, least], steps[least], table[rows, most], steps[most])
    return [
        SeriesSummary(key, count, 0, first, last, newest, time, low, low_at, high, high_at, None)
        for key, newest, low, low_at, high, high_at in zip(
            keys, *(column.tolist() for column in columns), strict=True
        )
    ]


def _newest(steps: IntArray, times: FloatArray, values: FloatArray) -> int:
    """Where the last point is: of the largest step, then the latest, then the largest value.

    Not the last to arrive: the same points make the same summary, in whatever order they come.
    """
    tied = np.flatnonzero(steps == steps.max())
    if len(tied) == 1:
        return int(tied[0])
    comparable = np.where(np.isnan(values[tied]), 0.0, values[tied])
    return int(tied[np.lexsort((comparable, times[tied]))[-1]])


def _summarize_clean(
    key: str, steps: IntArray, times: FloatArray, values: FloatArray
) -> SeriesSummary:
    """The same of finite values in order of their steps, the usual case, in fewer passes."""
    least, most = int(values.argmin()), int(values.argmax())  # the first of equal ones
    alone = len(steps) == 1 or steps[-1] > steps[-2]
    newest = len(steps) - 1 if alone else _newest(steps, times, values)
    return SeriesSummary(
        key=key,
        count=len(steps),
        nonfinite=0,
        first_step=int(steps[0]),
        last_step=int(steps[-1]),
        last=float(values[newest]),
        last_time=float(times[newest]),
        least=float(values[least]),
        least_step=int(steps[least]),
        most=float(values[most]),
        most_step=int(steps[most]),
        first_bad_step=None,
    )


def merge(old: SeriesSummary, new: SeriesSummary) -> SeriesSummary:
    """The summary of both lots of points."""
    newest = new if _rank(new) >= _rank(old) else old
    least, least_step = _better(old.least, old.least_step, new.least, new.least_step, sign=1)
    most, most_step = _better(old.most, old.most_step, new.most, new.most_step, sign=-1)
    return SeriesSummary(
        key=new.key,
        count=old.count + new.count,
        nonfinite=old.nonfinite + new.nonfinite,
        first_step=min(old.first_step, new.first_step),
        last_step=newest.last_step,
        last=newest.last,
        last_time=newest.last_time,
        least=least,
        least_step=least_step,
        most=most,
        most_step=most_step,
        first_bad_step=_earlier(old.first_bad_step, new.first_bad_step),
    )


def _earlier(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _rank(one: SeriesSummary) -> tuple[int, float, float]:
    """What its last point is compared by with another's."""
    time = -math.inf if one.last_time is None else one.last_time
    return one.last_step, time, 0.0 if math.isnan(one.last) else one.last


def from_row(row: Series | Stored) -> SeriesSummary:
    """A stored summary. Its series has at least one point."""
    if row.first_step is None or row.last_step is None:
        raise ValueError(f"series {row.key} of run {row.run_id} has no points")
    return SeriesSummary(
        key=row.key,
        count=row.count,
        nonfinite=row.nonfinite,
        first_step=row.first_step,
        last_step=row.last_step,
        last=floats.from_name(row.last_is) if row.last is None else row.last,
        last_time=row.last_time,
        least=row.least,
        least_step=row.least_step,
        most=row.most,
        most_step=row.most_step,
        first_bad_step=row.first_bad_step,
    )


def set_row(row: Series, summary: SeriesSummary) -> None:
    """Puts the numbers into a row; saving is the caller's."""
    for name, number in zip(_NUMBERS, numbers(summary), strict=True):
        setattr(row, name, number)


def numbers(summary: SeriesSummary) -> tuple[int | float | str | None, ...]:
    """The summary as the columns of its row, those of COLUMNS but for `updated_at`."""
    return (
        summary.count,
        summary.nonfinite,
        summary.first_step,
        summary.last_step,
        summary.last if math.isfinite(summary.last) else None,
        floats.kind(summary.last),
        summary.last_time,
        summary.least,
        summary.least_step,
        summary.most,
        summary.most_step,
        summary.first_bad_step,
    )


def _first_extreme(
    steps: IntArray, values: FloatArray, extreme: Callable[[FloatArray], np.float64]
) -> tuple[float | None, int | None]:
    """The extreme value and the smallest step that has it; None, None for no points."""
    if not len(values):
        return None, None
    value = extreme(values)
    return float(value), int(steps[values == value].min())


def _better(
    old: float | None, old_step: int | None, new: float | None, new_step: int | None, *, sign: int
) -> tuple[float | None, int | None]:
    """The smaller (sign 1) or larger (sign -1) value; of equal ones that of the smaller step."""
    if old is None or old_step is None:
        return new, new_step
    if new is None or new_step is None:
        return old, old_step
    if (sign * new, new_step) < (sign * old, old_step):
        return new, new_step
    return old, old_step
