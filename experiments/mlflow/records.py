"""Runs as MLflow words them: many at once, in a fixed number of queries."""

import math
from collections.abc import Sequence

from experiments import floats
from experiments.lifecycle import params as flat
from experiments.mlflow import experiments, run_inputs, runs
from experiments.mlflow.words import Record, tag_list, to_ms
from experiments.models import Run, RunTag, Series
from experiments.shapes import Point

_PORTION = 5_000  # of ids in a query


def in_order(ids: Sequence[str]) -> list[Record]:
    """The whole runs of these ids, in their order; those that are gone are left out."""
    found: list[Record] = []
    for start in range(0, len(ids), _PORTION):
        found += _portion(ids[start : start + _PORTION])
    return found


def new(run: Run) -> Record:
    """The whole of a run that was made just now: it has tags, and logged nothing."""
    return {**_record(run, _tags([run.pk])[run.pk], []), **run_inputs.nothing()}


def _portion(ids: Sequence[str]) -> list[Record]:
    rows = Run.objects.select_related("project", "created_by").defer("summary", "notes", "command")
    by_id = rows.in_bulk(list(ids))
    tags = _tags(ids)
    metrics = _metrics(ids)
    inputs = run_inputs.of_runs(ids)
    return [
        {**_record(by_id[one], tags[one], metrics[one]), **inputs[one]}
        for one in ids
        if one in by_id
    ]


def _record(run: Run, tags: dict[str, str], metrics: list[Record]) -> Record:
    tags.setdefault(runs.NAME, run.name)
    if run.parent_id is not None:  # nested here, maybe by another client
        tags[runs.PARENT] = run.parent_id
    params = tag_list(flat.texts(run.params))
    data = {"metrics": metrics, "params": params, "tags": tag_list(tags)}
    return {"info": info(run, tags[runs.NAME]), "data": data}


def _tags(ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {run_id: {} for run_id in ids}
    rows = RunTag.objects.filter(run__in=ids).order_by("name")
    for run_id, name, value in rows.values_list("run_id", "name", "value"):
        found[run_id][name] = value
    return found


def _metrics(ids: Sequence[str]) -> dict[str, list[Record]]:
    """The latest point of each metric."""
    found: dict[str, list[Record]] = {run_id: [] for run_id in ids}
    rows = Series.objects.filter(run__in=ids).order_by("key")
    columns = "run_id", "key", "last", "last_is", "last_time", "last_step", "updated_at"
    for run_id, key, last, last_is, time, step, updated in rows.values_list(*columns):
        value = floats.from_name(last_is) if last is None else last
        moment = to_ms(updated) if time is None else round(time * 1000)
        found[run_id].append(metric(key, value, moment, step or 0))
    return found


def info(run: Run, name: str) -> Record:
    """The run without what it logged."""
    found = {
        "run_id": run.pk,
        "run_uuid": run.pk,
        "experiment_id": experiments.id_of(run.project),
        "run_name": name,
        "user_id": runs.user_of(run),
        "status": runs.status_word(run.status),
        "start_time": to_ms(run.started_at or run.created_at),
        "artifact_uri": runs.artifact_uri(run),
        "lifecycle_stage": "active" if run.deleted_at is None else "deleted",
    }
    if run.finished_at is not None:
        found["end_time"] = to_ms(run.finished_at)
    return found


def info_of(run: Run) -> Record:
    """The same of a run as it is stored now."""
    stored = Run.objects.select_related("project", "created_by").get(pk=run.pk)
    tag = RunTag.objects.filter(run=run, name=runs.NAME).first()
    return info(stored, tag.value if tag else stored.name)


def metric(key: str, value: float, timestamp: int, step: int) -> Record:
    """A point of a metric."""
    return {"key": key, "value": number(value), "timestamp": timestamp, "step": step}


def point(key: str, one: Point) -> Record:
    """A stored point of a metric."""
    return metric(key, one.value, round(one.time * 1000), one.step)


def number(value: float) -> float | str:
    """A number for JSON, which has no NaN and no infinity."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
