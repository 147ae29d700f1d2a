"""Series in numbers: the summary of points, of two lots of points, and its row in the database."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from experiments import floats
from experiments.models import Series
from experiments.shapes import FloatArray, IntArray, SeriesSummary


def summarize(key: str, steps: IntArray, values: FloatArray) -> SeriesSummary:
    """The summary of at least one point; of equal steps the later in the arrays is the newer."""
    newest = len(steps) - 1 - int(np.argmax(steps[::-1]))
    finite = np.isfinite(values)
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
        least=least,
        least_step=least_step,
        most=most,
        most_step=most_step,
        first_bad_step=int(bad_steps.min()) if len(bad_steps) else None,
    )


def merge(old: SeriesSummary, new: SeriesSummary) -> SeriesSummary:
    """The summary of both lots of points; `new` arrived after `old`."""
    newest = new if new.last_step >= old.last_step else old
    least, least_step = _better(old.least, old.least_step, new.least, new.least_step, sign=1)
    most, most_step = _better(old.most, old.most_step, new.most, new.most_step, sign=-1)
    bad_steps = [s for s in (old.first_bad_step, new.first_bad_step) if s is not None]
    return dataclasses.replace(
        newest,
        count=old.count + new.count,
        nonfinite=old.nonfinite + new.nonfinite,
        first_step=min(old.first_step, new.first_step),
        least=least,
        least_step=least_step,
        most=most,
        most_step=most_step,
        first_bad_step=min(bad_steps, default=None),
    )


def from_row(row: Series) -> SeriesSummary:
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
        least=row.least,
        least_step=row.least_step,
        most=row.most,
        most_step=row.most_step,
        first_bad_step=row.first_bad_step,
    )


def set_row(row: Series, summary: SeriesSummary) -> None:
    """Puts the numbers into a row; saving is the caller's."""
    row.count = summary.count
    row.nonfinite = summary.nonfinite
    row.first_step = summary.first_step
    row.last_step = summary.last_step
    row.last = summary.last if math.isfinite(summary.last) else None
    row.last_is = floats.kind(summary.last)
    row.least = summary.least
    row.least_step = summary.least_step
    row.most = summary.most
    row.most_step = summary.most_step
    row.first_bad_step = summary.first_bad_step


_NUMBERS = (
    "count",
    "nonfinite",
    "first_step",
    "last_step",
    "last",
    "last_is",
    "least",
    "least_step",
    "most",
    "most_step",
    "first_bad_step",
)
# The columns `from_row` reads: rows of `values_list(*READ, named=True)` do as well as whole ones.
READ = ("run_id", "key", *_NUMBERS)
# The columns `set_row` sets, and `updated_at`, which every save renews.
COLUMNS = (*_NUMBERS, "updated_at")


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
