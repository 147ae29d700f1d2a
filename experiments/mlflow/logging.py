"""What a run logs: params that never change, and metrics whose points are stored once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import Max

from experiments import lifecycle, reading, recording
from experiments.errors import Invalid
from experiments.lifecycle import params as flat
from experiments.mlflow import logged_models, runs
from experiments.mlflow.words import (
    LATEST_MS,
    LONGEST_PARAM,
    LONGEST_RUN_TAG,
    Tags,
    check_key,
    check_length,
    check_tags,
    invalid,
    no_such,
)
from experiments.models import LoggedModel, LoggedModelMetric, MetricBatch, Param, Run
from experiments.shapes import SeriesPoints, SeriesSummary

CLIENT = "mlflow"  # its batches have no numbers: they get the next ones of the run
MOST_METRICS = MOST_TOGETHER = 1_000
MOST_PARAMS = MOST_TAGS = 100


@dataclass(frozen=True)
class Point:
    """One point of a metric as it was sent."""

    key: str
    value: float
    timestamp: int  # milliseconds
    step: int
    model_id: str = ""  # of a logged model that was measured
    dataset_name: str = ""  # by which dataset
    dataset_digest: str = ""

    @property
    def place(self) -> tuple[int, int]:
        return self.step, self.timestamp

    @property
    def identity(self) -> tuple[int, int, str]:
        """Equal for equal points; NaN equals itself."""
        return self.timestamp, self.step, repr(self.value + 0.0)


def log(
    run: Run,
    *,
    points: Sequence[Point] = (),
    params: Sequence[tuple[str, str]] = (),
    tags: Tags | None = None,
) -> None:
    """Stores all of it or nothing; what is stored already changes nothing.

    Raises Invalid: beyond a limit, a param that has another value, a deleted run.
    """
    tags = tags or {}
    _check_sizes(len(points), len(params), len(tags))
    _check(points, params, tags)
    with lifecycle.sign_of_life(run.pk):
        locked_rows = Run.objects.select_for_update(of=("self",), no_key=True)
        locked = locked_rows.select_related("project__workspace").get(pk=run.pk)
        runs.refuse_deleted(locked)
        _add_params(locked, dict(params))
        if tags:
            runs.write_tags(locked, tags)
        if points:
            _add_points(locked.pk, points)
            _add_to_models(locked, [point for point in points if point.model_id])


def _check_sizes(points: int, params: int, tags: int) -> None:
    limits = {
        "metrics": (points, MOST_METRICS), "params": (params, MOST_PARAMS),
        "tags": (tags, MOST_TAGS), "metrics, params and tags": (points + params + tags,
        MOST_TOGETHER),
    }  # fmt: skip
    for name, (size, most) in limits.items():
        if size > most:
            raise invalid(name, f"are {size:,} in this batch: send at most {most:,} at once.")


def _check(points: Sequence[Point], params: Sequence[tuple[str, str]], tags: Tags) -> None:
    for point in points:
        check_key("metrics.key", point.key)
        if not 0 <= point.timestamp <= LATEST_MS:
            raise invalid("timestamp", f"is {point.timestamp}: use milliseconds since 1970.")
    for key, value in params:
        check_key("params.key", key)
        check_length(f"The value of param {key!r}", value, LONGEST_PARAM)
    if len(dict(params)) < len(params):
        raise Invalid("A param is given twice in this batch: send each once.")
    check_tags(tags, LONGEST_RUN_TAG)


def _add_params(run: Run, params: Mapping[str, str]) -> None:
    known = flat.texts(run.params)
    if changed := [key for key in params if known.get(key, params[key]) != params[key]]:
        raise Invalid(
            f"Param {changed[0]!r} has the value {known[changed[0]][:200]!r} already and cannot "
            "change: start a new run."
        )
    new = {key: value for key, value in params.items() if key not in known}
    if not new:
        return
    if len(known) + len(new) > flat.MOST_PARAMS:
        raise Invalid(f"A run holds at most {flat.MOST_PARAMS:,} params.")
    run.params = {**run.params, **new}
    run.save(update_fields=["params"])
    Param.objects.bulk_create(flat.rows(run, [flat.leaf_of_text(*pair) for pair in new.items()]))


@transaction.atomic
def _add_points(run_id: str, points: Sequence[Point]) -> None:
    """Records the points that are not stored yet, as one batch under the run's next number."""
    by_key: dict[str, dict[tuple[int, int, str], Point]] = {}
    for point in points:
        by_key.setdefault(point.key, {})[point.identity] = point
    recording.lock_run(run_id)
    _drop_stored(run_id, by_key)
    series = [_columns(key, list(found.values())) for key, found in by_key.items() if found]
    if not series:
        return
    last = MetricBatch.objects.filter(run_id=run_id, client=CLIENT).aggregate(last=Max("number"))
    number = 0 if last["last"] is None else last["last"] + 1
    recording.record(run_id=run_id, client=CLIENT, number=number, series=series)


def _add_to_models(run: Run, points: Sequence[Point]) -> None:
    """Stores points with the models they measure; what is stored already stays."""
    if not points:
        return
    wanted = {point.model_id for point in points}
    models = LoggedModel.objects.filter(project__workspace=run.project.workspace, pk__in=wanted)
    known = set(models.filter(deleted_at=None).values_list("pk", flat=True))
    if missing := sorted(wanted - known):
        raise no_such("logged model", missing[0])
    rows = [
        logged_models.metric_row(
            run, point.model_id, point.key, point.value, timestamp=point.timestamp,
            step=point.step, dataset=(point.dataset_name, point.dataset_digest),
        )
        for point in points
    ]  # fmt: skip
    LoggedModelMetric.objects.bulk_create(rows, ignore_conflicts=True)


def _columns(key: str, points: Sequence[Point]) -> SeriesPoints:
    return SeriesPoints(
        key,
        np.array([point.step for point in points], dtype=np.int64),
        np.array([point.timestamp for point in points], dtype=np.float64) / 1000,
        np.array([point.value for point in points], dtype=np.float64),
    )


def _drop_stored(run_id: str, by_key: dict[str, dict[tuple[int, int, str], Point]]) -> None:
    """Leaves out what is stored. Points beyond the last of their series are new: nothing is read.

    Of the others only the stored points of their steps are read.
    """
    summaries = reading.series_summaries([run_id], list(by_key))[run_id]
    doubtful = {
        key: steps
        for key, summary in summaries.items()
        if (steps := {p.step for p in by_key[key].values() if not _is_beyond(p, summary)})
    }
    for key, columns in reading.points_at(run_id, doubtful).items():
        for step, time, value in zip(*columns, strict=True):
            by_key[key].pop((round(time * 1000), int(step), repr(float(value) + 0.0)), None)


def _is_beyond(point: Point, summary: SeriesSummary) -> bool:
    if summary.last_time is None:
        return point.step > summary.last_step
    return point.place > (summary.last_step, round(summary.last_time * 1000))
