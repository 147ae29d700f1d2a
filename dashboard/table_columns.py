"""Columns of a run table: which there are, and which are shown at first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.metric_names import inner_step, stem_of
from experiments.models import Param, Project, Run
from experiments.shapes import RunColumns

ATTRIBUTES = {
    "status": "Status",
    "tags": "Tags",
    "seed": "seed",
    "group": "Group",
    "created": "Created",
    "duration": "Took",
}
SORTABLE = {"status", "seed", "group", "created", "duration"}
METRIC = re.compile(r"metrics\.(?P<key>.+?)(?:\((?P<summary>last|min|max)\))?", re.DOTALL)
FIRST_METRICS, FIRST_PARAMS, SAMPLED_RUNS = 3, 4, 50


@dataclass(frozen=True)
class Column:
    """`id` is as in the address; `kind`: attribute, params, metrics."""

    id: str
    kind: str
    key: str
    title: str
    small: str
    summary: str = "last"

    @property
    def is_number(self) -> bool:
        return self.kind != "attribute" or self.id in ("seed", "duration")

    @property
    def is_sortable(self) -> bool:
        return self.kind != "attribute" or self.id in SORTABLE


def column_of(column_id: str) -> Column | None:
    """The column of an id like "metrics.loss(min)"; None for what is no column."""
    if column_id in ATTRIBUTES:
        return Column(column_id, "attribute", column_id, ATTRIBUTES[column_id], "")
    found = METRIC.fullmatch(column_id)
    if found:
        summary = found["summary"] or "last"
        group, _, name = found["key"].rpartition("/")
        small = f"{group} {summary}".strip()
        return Column(column_id, "metrics", found["key"], name, small, summary)
    if column_id.startswith("params.") and len(column_id) > len("params."):
        key = column_id.removeprefix("params.")
        return Column(column_id, "params", key, key, "")
    return None


def first_columns(project: Project, known: RunColumns) -> list[str]:
    """What a table shows before anybody chose: status, main metrics, the params that differ."""
    metrics = _main_first(known.metrics, project.main_metric)[:FIRST_METRICS]
    params = _differing(project)[:FIRST_PARAMS]
    chosen = ["status", *(f"metrics.{key}" for key in metrics)]
    return [*chosen, *(f"params.{key}" for key in params), "tags", "created", "duration"]


def _main_first(metrics: Iterable[str], main: str) -> list[str]:
    """The main metric, then test and validation numbers, then those of training; of a quantity
    logged after several inner steps, only the most adapted one."""
    groups = ("test", "validation", "train")

    def weight(key: str) -> tuple[int, int, str]:
        group = key.split("/", 1)[0]
        place = groups.index(group) if group in groups else len(groups)
        hints = ("query_acc", "acc", "query_loss", "loss", "reward")
        hint = next((i for i, one in enumerate(hints) if one in key), len(hints))
        return (0 if key == main else 1, place * 10 + hint, key)

    adapted: dict[str, str] = {}
    for key in metrics:
        held = adapted.get(stem := stem_of(key))
        if held is None or (inner_step(key) or 0) > (inner_step(held) or 0):
            adapted[stem] = key
    chosen = {*adapted.values(), *(key for key in metrics if key == main)}
    return sorted(chosen, key=weight)


def _differing(project: Project) -> list[str]:
    """Params with more than one value among the newest runs."""
    newest = Run.objects.filter(project=project, archived_at=None).order_by("-created_at")
    ids = list(newest.values_list("pk", flat=True)[:SAMPLED_RUNS])
    values: dict[str, set[str]] = {}
    holders: dict[str, int] = {}
    for key, text in Param.objects.filter(run_id__in=ids).values_list("key", "text"):
        values.setdefault(key, set()).add(text)
        holders[key] = holders.get(key, 0) + 1
    found = [key for key in values if len(values[key]) > 1 or holders[key] < len(ids)]
    # Where every run has the key, it says more than one that only some have.
    return sorted(found, key=lambda key: (-holders[key], key))
