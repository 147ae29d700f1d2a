"""Runs as MLflow words them: many at once, in a fixed number of queries."""

import math
from collections.abc import Sequence

from django.db.models import Prefetch, QuerySet

from experiments import summaries
from experiments.lifecycle import params as flat
from experiments.mlflow import experiments, runs
from experiments.mlflow.words import Record, tag_list, to_ms
from experiments.models import Run, RunTag, Series
from experiments.shapes import Point


def listed(rows: QuerySet[Run]) -> QuerySet[Run]:
    """The runs with all that `record` shows."""
    return (
        rows.select_related("project", "created_by")
        .defer("summary", "notes", "command")
        .prefetch_related(
            Prefetch("tag_rows", queryset=RunTag.objects.order_by("name")),
            Prefetch("series", queryset=Series.objects.order_by("key")),
        )
    )


def in_order(ids: Sequence[str]) -> list[Record]:
    """The runs of these ids, in their order; those that are gone are left out."""
    found = listed(Run.objects.all()).in_bulk(list(ids))
    return [record(found[run_id]) for run_id in ids if run_id in found]


def record(run: Run) -> Record:
    """A whole run."""
    tags = {row.name: row.value for row in run.tag_rows.all()}
    tags.setdefault(runs.NAME, run.name)
    data = {
        "metrics": [_latest(row) for row in run.series.all()],
        "params": tag_list(flat.texts(run.params)),
        "tags": tag_list(tags),
    }
    return {"info": info(run, tags[runs.NAME]), "data": data}


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


def _latest(row: Series) -> Record:
    summary = summaries.from_row(row)
    time = summary.last_time
    moment = to_ms(row.updated_at) if time is None else round(time * 1000)
    return metric(row.key, summary.last, moment, summary.last_step)


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
