"""Columns of a run table: which there are, and which are shown at first.

What is shown at first speaks for most runs of the project, so that one odd run moves no column.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.metric_names import inner_step, stem_of
from experiments import reading
from experiments.directions import MACHINE
from experiments.models import Param, Project, Series
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
FIRST_METRICS, FIRST_PARAMS = 3, 4
# Last parts of params that tell most of how a run learns, the most telling first.
TELLING = ("algorithm", "source", "model", "lr", "rate", "steps", "optimizer", "shot", "way")
NEWEST_RUNS, SAMPLED_RUNS = 2000, 50


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


def first_columns(sample: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """What a table shows before anybody chose: status, the first of the ranked metrics, the params
    that differ among the runs of a sample."""
    params = differing(sample)[:FIRST_PARAMS]
    chosen = ["status", *(f"metrics.{key}" for key in metrics[:FIRST_METRICS])]
    return [*chosen, *(f"params.{key}" for key in params), "tags", "created", "duration"]


def ranked_metrics(project: Project, known: RunColumns, sample: Sequence[str]) -> list[str]:
    """The main metric, then what most runs of a sample log before what few do; of these test and
    validation numbers, then those of training; none of the machine. Of a quantity logged after
    several inner steps, only the most adapted one."""
    rows = Series.objects.filter(run_id__in=sample).values_list("key", flat=True)
    common = _common(Counter(rows.order_by()))
    groups = ("test", "validation", "train")
    hints = ("query_acc", "acc", "query_loss", "loss", "reward")

    def weight(key: str) -> tuple[bool, bool, int, str]:
        group = key.split("/", 1)[0]
        place = groups.index(group) if group in groups else len(groups)
        hint = next((i for i, one in enumerate(hints) if one in key), len(hints))
        return (key != project.main_metric, key not in common, place * 10 + hint, key)

    adapted: dict[str, str] = {}
    of_training = [key for key in known.metrics if not key.startswith(MACHINE)]
    for key in sorted(of_training, key=lambda key: (key in common, inner_step(key) or 0)):
        adapted[stem_of(key)] = key
    main = {project.main_metric} & set(known.metrics)
    return sorted({*adapted.values(), *main}, key=weight)


def sampled_runs(project: Project) -> list[str]:
    """The ids of some runs that speak for the project: spread over its newest ones."""
    return reading.spread_ids(project, newest=NEWEST_RUNS, wanted=SAMPLED_RUNS)


def _common(holders: Counter[str]) -> set[str]:
    """The keys that more than half as many runs have as the one that most have."""
    most = max(holders.values(), default=0)
    return {key for key, count in holders.items() if 2 * count > most}


def differing(run_ids: Sequence[str]) -> list[str]:
    """Params with more than one value among these runs."""
    values: dict[str, set[str]] = {}
    holders: Counter[str] = Counter()
    for key, text in Param.objects.filter(run_id__in=run_ids).values_list("key", "text"):
        values.setdefault(key, set()).add(text)
        holders[key] += 1
    common = _common(holders)
    found = [key for key in values if len(values[key]) > 1 or holders[key] < len(run_ids)]

    def weight(key: str) -> tuple[bool, bool, int, str]:
        """What most runs have says more than what only some have, another value more than none,
        and how a run learns more than how often it reports."""
        name = re.split(r"[./_]", key)[-1].lower()
        place = TELLING.index(name) if name in TELLING else len(TELLING)
        return (key not in common, len(values[key]) < 2, place, key)

    return sorted(found, key=weight)
