"""Points of metrics as MLflow's clients send them: each is stored once, whichever way it comes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments import reading, recording
from experiments.chunks import Columns
from experiments.mlflow.words import LATEST_MS, check_key, invalid
from experiments.recording import statements
from experiments.shapes import IntArray, SeriesPoints, SeriesSummary

CLIENT = "mlflow"  # its batches have no numbers: they get the next ones of the run


def columns(
    key: str, steps: Sequence[int], ms: Sequence[int], values: Sequence[float]
) -> SeriesPoints:
    """A series, each of its points once. Raises Invalid."""
    check_key("metrics.key", key)
    times = np.array(ms, dtype=np.int64)
    if times.min() < 0 or times.max() > LATEST_MS:
        wrong = next(one for one in ms if not 0 <= one <= LATEST_MS)
        raise invalid("timestamp", f"is {wrong}: use milliseconds since 1970.")
    found = SeriesPoints(
        key, np.array(steps, dtype=np.int64), times / 1000, np.array(values, dtype=np.float64)
    )
    return found if _is_rising(found.steps) else _once(found)


def _is_rising(steps: IntArray) -> bool:
    return bool((steps[1:] > steps[:-1]).all())


def _once(series: SeriesPoints) -> SeriesPoints:
    _, first = np.unique(_identities(series), return_index=True)
    return _only(series, np.sort(first))


def _only(series: SeriesPoints, chosen: npt.NDArray[Any]) -> SeriesPoints:
    return SeriesPoints(
        series.key, series.steps[chosen], series.times[chosen], series.values[chosen]
    )


def _identities(series: SeriesPoints) -> npt.NDArray[np.void]:
    """Equal for equal points; NaN equals itself, as 0.0 does -0.0."""
    found = np.empty(len(series.steps), dtype=[("ms", "i8"), ("step", "i8"), ("value", "i8")])
    found["ms"] = np.rint(series.times * 1000)
    found["step"] = series.steps
    values = np.where(np.isnan(series.values), np.nan, series.values + 0.0)
    found["value"] = values.view(np.int64)
    return found


def store(run_id: str, series: Sequence[SeriesPoints]) -> None:
    """Records the points that are not stored yet, as one batch under the run's next number.

    Belongs into a transaction that has locked the run.
    """
    new = [one for one in _unknown(run_id, series) if len(one.steps)]
    if new:
        recording.check_series(new)
        number = statements.next_number(run_id, CLIENT)
        recording.record_batch(run_id, recording.Batch(CLIENT, number, new))


def _unknown(run_id: str, series: Sequence[SeriesPoints]) -> list[SeriesPoints]:
    """Without what is stored. Points beyond the last of their series are new: nothing is read.

    Of the others only the stored points of their steps are read.
    """
    summaries = statements.summaries_of(run_id, [one.key for one in series])
    doubtful = {
        one.key: set(steps.tolist())
        for one in series
        if one.key in summaries and len(steps := _within(one, summaries[one.key]))
    }
    if not doubtful:
        return list(series)
    stored = reading.points_at(run_id, doubtful)
    return [_without(one, stored) for one in series]


def _within(series: SeriesPoints, summary: SeriesSummary) -> IntArray:
    """Steps of the points that are not beyond the last point of their series."""
    last, time = summary.last_step, summary.last_time
    known = series.steps <= last
    if time is not None:
        ms = np.rint(series.times * 1000)
        known = (series.steps < last) | ((series.steps == last) & (ms <= round(time * 1000)))
    return series.steps[known]


def _without(series: SeriesPoints, stored: Mapping[str, Columns]) -> SeriesPoints:
    if series.key not in stored:
        return series
    known = _identities(SeriesPoints(series.key, *stored[series.key]))
    return _only(series, ~np.isin(_identities(series), known))
