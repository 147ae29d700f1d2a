"""The one validator of points: JSON bodies and arrays to clean `SeriesPoints`, or `Invalid`.

Every error names the place in the input ("series[0].steps[17]"), the limit and the fix.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments import floats
from experiments.errors import Invalid
from experiments.shapes import FloatArray, IntArray, SeriesPoints

POINTS_PER_BATCH = 100_000
SERIES_PER_BATCH = 1_000
KEY_LENGTH = 250
CLIENT_LENGTH = 64
LATEST_TIME = 32_503_680_000.0  # the year 3000
LEAST_STEP, MOST_STEP = -(2**63), 2**63 - 1
EXACT_FLOAT = 2**53  # whole floats are exact integers up to here

_NOT_IN_KEYS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CLIENT = re.compile(r"[\x21-\x7e]{1,64}")
JOB_CLIENT = "job-"  # batches of jobs are numbered under names that start so

Path = Callable[[int], str]


@dataclass(frozen=True)
class Batch:
    """A batch as a client sent it: who, which of its batches, and the points."""

    client: str
    number: int
    series: Sequence[SeriesPoints]


def invalid(field: str, message: str, *, code: str = "invalid_points") -> Invalid:
    return Invalid(f"{field}: {message}", code=code, fields={field: [message]})


def parse_batch(body: object) -> Batch:
    """The body of the API's metrics request. Raises Invalid."""
    if not isinstance(body, Mapping):
        raise invalid("body", 'send an object: {"client": ..., "number": ..., "series": [...]}.')
    unknown = sorted(set(map(str, body)) - {"client", "number", "series", "points"})
    if unknown:
        raise invalid(unknown[0], "is not known here: use client, number, and series or points.")
    for field in ("client", "number"):
        if body.get(field) is None:
            raise invalid(
                field,
                "is required: client (a name unique to the sending process) and number "
                "(0, 1, 2 ... of its batches) make a batch that is sent again count once.",
            )
    client, number = body["client"], body["number"]
    check_origin(client, number)
    return Batch(client, number, parse_series(body))


def parse_series(body: object) -> list[SeriesPoints]:
    """The points of a body: columns under "series" or rows under "points". Raises Invalid."""
    if not isinstance(body, Mapping) or ("series" in body) == ("points" in body):
        raise invalid(
            "series",
            'give either "series": [{"key", "steps", "times", "values"}] '
            'or "points": [{"key", "step", "time", "value"}].',
        )
    if "series" in body:
        series = [
            _parse_columns(one, f"series[{index}]")
            for index, one in enumerate(_list(body["series"], "series", SERIES_PER_BATCH))
        ]
    else:
        series = _parse_rows(_list(body["points"], "points", POINTS_PER_BATCH))
    check_series(series)
    return series


def check_origin(client: object, number: object) -> None:
    """Raises Invalid unless (client, number) can name a batch."""
    if not isinstance(client, str) or not _CLIENT.fullmatch(client):
        raise invalid(
            "client", f"use 1 to {CLIENT_LENGTH} visible ASCII characters without spaces."
        )
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_STEP:
        raise invalid("number", f"use a whole number from 0 to {MOST_STEP}.")


def check_series(series: Sequence[SeriesPoints]) -> None:
    """Raises Invalid unless the points are a batch in arrays of the stored types."""
    if not 1 <= len(series) <= SERIES_PER_BATCH:
        raise invalid(
            "series", f"holds {len(series)} series; send 1 to {SERIES_PER_BATCH} in a batch."
        )
    times: FloatArray | None = None  # the column checked last: series often share theirs
    for index, one in enumerate(series):
        _check_one(one, f"series[{index}]", check_time=one.times is not times)
        times = one.times
    points = sum(len(one.steps) for one in series)
    if points > POINTS_PER_BATCH:
        raise invalid(
            "series", f"holds {points} points; send at most {POINTS_PER_BATCH} in a batch."
        )
    seen: dict[str, int] = {}
    for index, one in enumerate(series):
        if seen.setdefault(one.key, index) != index:
            raise invalid(
                f"series[{index}].key",
                f"is the key of series[{seen[one.key]}] too; put a key's points in one series.",
            )


def check_key(key: object, field: str) -> str:
    """The key, when it can name a metric. Raises Invalid."""
    if not isinstance(key, str) or not key.strip() or len(key) > KEY_LENGTH:
        raise invalid(field, f"use a text of 1 to {KEY_LENGTH} characters.")
    if _NOT_IN_KEYS.search(key):
        raise invalid(field, "has control characters or broken Unicode; leave these out.")
    return key


def _check_one(one: SeriesPoints, path: str, *, check_time: bool) -> None:
    check_key(one.key, f"{path}.key")
    columns = (one.steps, one.times, one.values)
    if any(column.ndim != 1 for column in columns) or not (
        len(one.steps) == len(one.times) == len(one.values) > 0
    ):
        lengths = ", ".join(str(column.shape) for column in columns)
        raise invalid(path, f"needs steps, times and values of one length above 0, not {lengths}.")
    if one.steps.dtype != np.int64 or one.times.dtype != np.float64:
        raise invalid(path, "needs steps as int64 and times as float64.")
    if one.values.dtype != np.float64:
        raise invalid(f"{path}.values", "needs float64.")
    if check_time:
        check_times(one.times, lambda index: f"{path}.times[{index}]")


def check_times(times: FloatArray, path: Path) -> None:
    """Raises Invalid for a time outside 1970..3000. NaN stands for "when it was accepted"."""
    outside = np.flatnonzero((times < 0) | (times > LATEST_TIME))
    if len(outside):
        raise invalid(
            path(int(outside[0])),
            f"is {times[outside[0]]:g}; use seconds (not milliseconds) since 1970, "
            f"0 to {LATEST_TIME:.0f}.",
        )


def _parse_columns(one: object, path: str) -> SeriesPoints:
    if not isinstance(one, Mapping):
        raise invalid(path, 'use an object: {"key", "steps", "times", "values"}.')
    unknown = sorted(set(map(str, one)) - {"key", "steps", "times", "values"})
    if unknown:
        raise invalid(f"{path}.{unknown[0]}", "is not known; use key, steps, times, values.")
    key = check_key(one.get("key"), f"{path}.key")
    steps = _list(one.get("steps"), f"{path}.steps", POINTS_PER_BATCH)
    values = _list(one.get("values"), f"{path}.values", POINTS_PER_BATCH)
    times: Sequence[Any] = [None] * len(steps)
    if one.get("times") is not None:
        times = _list(one["times"], f"{path}.times", POINTS_PER_BATCH)
    if not len(steps) == len(times) == len(values):
        raise invalid(
            path,
            f"has {len(steps)} steps, {len(times)} times and {len(values)} values; "
            "send as many of each.",
        )
    return SeriesPoints(
        key,
        step_column(steps, lambda index: f"{path}.steps[{index}]"),
        time_column(times, lambda index: f"{path}.times[{index}]"),
        value_column(values, lambda index: f"{path}.values[{index}]"),
    )


def _parse_rows(rows: Sequence[Any]) -> list[SeriesPoints]:
    by_key: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise invalid(f"points[{index}]", 'use an object: {"key", "step", "time", "value"}.')
        unknown = sorted(set(map(str, row)) - {"key", "step", "time", "value"})
        if unknown:
            raise invalid(
                f"points[{index}].{unknown[0]}", "is not known; use key, step, time, value."
            )
        key = check_key(row.get("key"), f"points[{index}].key")
        by_key.setdefault(key, []).append(index)
    return [_rows_of_one(rows, key, places) for key, places in by_key.items()]


def _rows_of_one(rows: Sequence[Any], key: str, places: Sequence[int]) -> SeriesPoints:
    def column(field: str) -> tuple[list[Any], Path]:
        raw = [rows[place].get(field) for place in places]
        return raw, lambda index: f"points[{places[index]}].{field}"

    return SeriesPoints(
        key,
        step_column(*column("step")),
        time_column(*column("time")),
        value_column(*column("value")),
    )


def step_column(raw: Sequence[Any], path: Path) -> IntArray:
    """Whole numbers of 64 bits, exactly; 3.0 counts as 3. Raises Invalid."""
    kinds = set(map(type, raw))
    if kinds <= {int}:
        try:
            return np.array(raw, dtype=np.int64)
        except OverflowError:
            pass  # found by name below
    return np.array([_step(value, path, index) for index, value in enumerate(raw)], np.int64)


def _step(value: object, path: Path, index: int) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_FLOAT:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and LEAST_STEP <= value <= MOST_STEP:
        return value
    raise invalid(
        path(index),
        f"is {_shown(value)}; use a whole number from {LEAST_STEP} to {MOST_STEP}.",
    )


def time_column(raw: Sequence[Any], path: Path) -> FloatArray:
    """Seconds since 1970; null (when it was accepted) becomes NaN. Raises Invalid."""
    kinds = set(map(type, raw))
    if not kinds <= {int, float, type(None)}:
        index = next(i for i, v in enumerate(raw) if type(v) not in (int, float, type(None)))
        raise invalid(path(index), f"is {_shown(raw[index])}; use seconds since 1970 as a number.")
    missing = [value is None for value in raw]
    times = _floats([0.0 if value is None else value for value in raw], path)
    if not np.isfinite(times).all():
        index = int(np.flatnonzero(~np.isfinite(times))[0])
        raise invalid(path(index), "is not finite; use seconds since 1970, or leave it out.")
    check_times(times, path)
    times[missing] = np.nan
    return times


def value_column(raw: Sequence[Any], path: Path) -> FloatArray:
    """Numbers, or the strings "nan", "inf" and "-inf". Raises Invalid."""
    if set(map(type, raw)) <= {int, float}:
        return _floats(raw, path)
    return _floats([_value(value, path, index) for index, value in enumerate(raw)], path)


def _value(value: object, path: Path, index: int) -> float | int:
    if isinstance(value, str) and value in floats.NAMES:
        return floats.from_name(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise invalid(path(index), f'is {_shown(value)}; use a number, or "nan", "inf" or "-inf".')


def _floats(raw: Sequence[Any], path: Path) -> FloatArray:
    try:
        return np.array(raw, dtype=np.float64)
    except OverflowError:
        index = next(i for i, v in enumerate(raw) if isinstance(v, int) and abs(v) > 2**1023)
        raise invalid(
            path(index), 'is beyond the range of a float64; send "inf" or "-inf".'
        ) from None


def _list(raw: object, path: str, most: int) -> Sequence[Any]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= most:
        found = f"{len(raw)} entries" if isinstance(raw, list) else _shown(raw)
        raise invalid(path, f"is {found}; send a list of 1 to {most} entries.")
    return raw


def _shown(value: object) -> str:
    text = repr(value) if value is not None else "missing"
    return text if len(text) <= 40 else f"{text[:37]}..."
