"""Runs of a list in JSON: what RunOutput shows, of many runs at a time.

A page is 50 runs or more of 22 values each: model instances and serializer fields take ten times as
long as reading the rows (`bench/run_search.py`). `tests/api/test_api_runs.py` holds the two to the
same answer.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from experiments.models import Run, RunTag

# What the answer takes as it is, by its column.
_COLUMNS = {
    "id": "id",
    "name": "name",
    "number": "number",
    "status": "status",
    "status_reason": "status_reason",
    "exit_code": "exit_code",
    "group": "group",
    "parent": "parent_id",
    "seed": "seed",
    "color": "color",
    "job": "job__id",
    "progress_step": "progress_step",
    "progress_total": "progress_total",
    "created_by": "created_by__username",
}
_MOMENTS = (
    "created_at",
    "started_at",
    "finished_at",
    "heartbeat_at",
    "archived_at",
    "deleted_at",
)
_PROJECT = ("project__workspace__slug", "project__slug")


def shown(run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """These runs in this order, without those that are gone."""
    columns = (*_PROJECT, *_COLUMNS.values(), *_MOMENTS)
    rows = Run.objects.filter(pk__in=run_ids).values_list(*columns)
    tags: dict[str, list[str]] = {run_id: [] for run_id in run_ids}
    names = RunTag.objects.filter(run_id__in=run_ids, value="").values_list("run_id", "name")
    for run_id, name in names:
        tags[run_id].append(name)
    found = {run["id"]: run for run in map(_shown, rows)}
    for run_id, run in found.items():
        run["tags"] = sorted(tags[run_id])
    return [found[run_id] for run_id in run_ids if run_id in found]


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    workspace, project, *values = row
    places = len(_COLUMNS)
    plain = zip(_COLUMNS, values[:places], strict=True)
    moments = zip(_MOMENTS, map(_moment, values[places:]), strict=True)
    return {"project": f"{workspace}/{project}", **dict(plain), **dict(moments)}


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
