"""Metrics and params of the compared runs against each other: what is drawn, and of what values."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dashboard.comparison.choices import choices
from dashboard.comparison.selection import Selection
from dashboard.metric_names import headline, natural
from experiments import reading
from experiments.comparing import documents
from experiments.comparing.params import ParamRows
from experiments.models import Run
from experiments.shapes import SeriesSummary

Drawn = TypeVar("Drawn")

PARAM, METRIC = "params.", "metrics."
MOST_CHOICES = 300  # of params
MOST_AXES = 8  # of parallel coordinates
COMMON = 0.8  # of the runs have a param that is common to them
STATS = ("last", "min", "max")


@dataclass(frozen=True)
class Relations:
    """The choices of the section, and what is chosen; names are "params.lr", "metrics.loss"."""

    metrics: tuple[str, ...]
    metrics_against: tuple[str, ...]
    params: tuple[str, ...]
    metric: str
    against: str

    @property
    def shown_against(self) -> str:
        return self.against.split(".", 1)[-1]


def relations(selection: Selection, keys: Collection[str], params: ParamRows) -> Relations | None:
    """None without a metric."""
    metrics = sorted(keys, key=natural)
    if not metrics:
        return None
    project = selection.baseline.run.project
    usual = headline(metrics, project.main_metric) or metrics[0]
    differing = [row.key for row in params.rows if row.differs]
    metric = selection.controls.get("ry", "")
    against = selection.controls.get("rx", "")
    known = {*(PARAM + key for key in differing), *(METRIC + key for key in metrics)}
    first = PARAM + differing[0] if differing else METRIC + metrics[0]
    chosen = metric if metric in keys else usual
    compared = against if against in known else first
    return Relations(
        choices(metrics, chosen),
        choices(metrics, compared.removeprefix(METRIC)),
        tuple(differing[:MOST_CHOICES]),
        chosen,
        compared,
    )


def values_of(runs: Sequence[Run], name: str, stat: str) -> list[Any]:
    """The value of each run: of a param what it is, of a metric its last, least or most; None
    where there is none."""
    if name.startswith(PARAM):
        key = name.removeprefix(PARAM)
        leaves = [dict(documents.leaves(run.params)) for run in runs]
        return [_plain(one.get(key)) for one in leaves]
    key = name.removeprefix(METRIC)
    found = reading.series_summaries([run.pk for run in runs], [key])
    return [_number(found[run.pk].get(key), stat) for run in runs]


def axes_of(runs: Sequence[Run]) -> list[str]:
    """The params in which the runs differ, as many as parallel coordinates take: of those that
    most runs have, where there are such, since a line needs a value on every axis."""
    rows = documents.rows([run.params for run in runs])
    held = Counter(key for run in runs for key, _ in documents.leaves(run.params))
    keys = [row.key for row in rows if row.differs]
    common = [key for key in keys if held[key] >= COMMON * len(runs)]
    return [PARAM + key for key in common or keys][:MOST_AXES]


def complete(
    drawn: Sequence[Drawn], *columns: Sequence[Any]
) -> tuple[list[Drawn], list[list[Any]]]:
    """The runs that have a value in every column."""
    places = [
        place for place in range(len(drawn)) if all(column[place] is not None for column in columns)
    ]
    return [drawn[place] for place in places], [
        [column[place] for place in places] for column in columns
    ]


def _number(summary: SeriesSummary | None, stat: str) -> float | None:
    if summary is None:
        return None
    value = {"min": summary.least, "max": summary.most}.get(stat, summary.last)
    return value if value is not None and abs(value) < float("inf") else None


def _plain(value: Any) -> float | str | None:
    """A number, or text."""
    number = documents.as_number(value)
    return float(number) if number is not None else None if value is None else str(value)[:60]
