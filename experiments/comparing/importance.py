"""Which params a metric goes with, over some runs: association, not cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from experiments.comparing import documents
from experiments.shapes import FloatArray

LEAST_RUNS = 8  # of fewer a forest learns nothing
TREES, REPEATS = 100, 10
MOST_PARAMS = 30


@dataclass(frozen=True, eq=False)
class Column:
    """What runs hold in a param: its numbers, or the place of each text among all."""

    values: FloatArray
    is_number: bool


@dataclass(frozen=True)
class Importance:
    """How much worse the forest explains the metric with this param shuffled, in parts of the
    metric's variance, over REPEATS shuffles; `correlation` is Spearman's where it is numbers."""

    key: str
    mean: float
    sd: float
    correlation: float | None


@dataclass(frozen=True)
class Explained:
    """`score` is the part of the variance (R²) that the forest explains of runs it was not fitted
    to (out of the bag); at 0 or below, the importances say nothing."""

    runs: int
    score: float
    params: tuple[Importance, ...]  # the most important first


def importances(params: Sequence[Mapping[str, Any]], values: Sequence[float]) -> Explained | None:
    """Of the params in which the runs differ; None for too few runs with a value, or no such
    param."""
    kept = [place for place, value in enumerate(values) if np.isfinite(value)]
    y = np.array([values[place] for place in kept])
    columns = differing_columns([params[place] for place in kept])
    if len(kept) < LEAST_RUNS or not columns or np.ptp(y) == 0:
        return None
    keys = list(columns)
    x = np.column_stack([columns[key].values for key in keys])
    # Takes a second and 60 MB to import, which only those pay who ask for importances.
    ensemble, inspection = map(import_module, ("sklearn.ensemble", "sklearn.inspection"))
    forest = ensemble.RandomForestRegressor(
        TREES, oob_score=True, min_samples_leaf=2, random_state=0, n_jobs=1
    )
    forest.fit(x, y)
    found = inspection.permutation_importance(
        forest, x, y, n_repeats=REPEATS, random_state=0, n_jobs=1
    )
    rows = [
        Importance(
            key,
            float(found.importances_mean[place]),
            float(found.importances_std[place]),
            _correlation(x[:, place], y) if columns[key].is_number else None,
        )
        for place, key in enumerate(keys)
    ]
    rows.sort(key=lambda one: -one.mean)
    return Explained(len(kept), float(forest.oob_score_), tuple(rows))


def differing_columns(params: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """A column for each param that differs, of the first MOST_PARAMS."""
    rows = [row for row in documents.rows(params) if row.differs][:MOST_PARAMS]
    leaves = [dict(documents.leaves(one)) for one in params]
    return {row.key: _column([one.get(row.key) for one in leaves]) for row in rows}


def _column(values: Sequence[Any]) -> Column:
    numbers = [documents.as_number(value) for value in values]
    if all(number is not None for number in numbers):
        return Column(np.array(numbers, dtype=np.float64), True)
    kinds = {text: place for place, text in enumerate(sorted({str(value) for value in values}))}
    return Column(np.array([kinds[str(value)] for value in values], dtype=np.float64), False)


def _correlation(x: FloatArray, y: FloatArray) -> float:
    stats = import_module("scipy.stats")
    return float(stats.spearmanr(x, y).statistic)
