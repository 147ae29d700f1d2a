"""Which part of a metric's variance goes with which param alone: functional ANOVA by Optuna.

A forest is fitted to the runs, and its predictions are averaged over all other params, each as if
every value between its ends were as usual as any other (Hutter, Hoos & Leyton-Brown, 2014). What
`importance.py` measures is another thing: how much worse a forest does without a param.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from experiments.comparing.importance import LEAST_RUNS, Column, differing_columns
from experiments.errors import DomainError
from experiments.shapes import FloatArray

TREES, DEPTH = 64, 64  # Optuna's own
WIDE = 10.0  # positive numbers whose quartiles are this far apart count as their logarithms


class NotInstalled(DomainError):
    """This server has no Optuna."""

    code = "not_installed"


@dataclass(frozen=True)
class Share:
    """`part`, of 0 to 1, of the variance of the forest's predictions; `is_log`: over logarithms."""

    key: str
    part: float
    is_log: bool


@dataclass(frozen=True)
class Shares:
    """`score` is the part of the variance (R²) that such a forest explains of runs it was not
    fitted to (out of the bag); at 0 or below, the shares say nothing. `together` is what no param
    has alone."""

    runs: int
    score: float
    params: tuple[Share, ...]  # the largest first

    @property
    def together(self) -> float:
        return max(0.0, 1 - sum(one.part for one in self.params))


def variance_shares(params: Sequence[Mapping[str, Any]], values: Sequence[float]) -> Shares | None:
    """Of the params in which the runs differ; None for too few runs with a value, or no such
    param. Raises NotInstalled without Optuna."""
    kept = [place for place, value in enumerate(values) if np.isfinite(value)]
    y = np.array([values[place] for place in kept])
    columns = differing_columns([params[place] for place in kept])
    if len(kept) < LEAST_RUNS or not columns or np.ptp(y) == 0:
        return None
    logs = {key for key, column in columns.items() if _is_wide(column)}
    x = {key: np.log10(one.values) if key in logs else one.values for key, one in columns.items()}
    found = _evaluated(x, {key: one.is_number for key, one in columns.items()}, y)
    rows = [Share(key, float(part), key in logs) for key, part in found.items()]
    rows.sort(key=lambda one: -one.part)
    return Shares(len(kept), _score(np.column_stack(list(x.values())), y), tuple(rows))


def _is_wide(column: Column) -> bool:
    least, low, high = (float(one) for one in np.quantile(column.values, (0, 0.25, 0.75)))
    return column.is_number and least > 0 and high / low >= WIDE


def _evaluated(
    x: Mapping[str, FloatArray], are_numbers: Mapping[str, bool], y: FloatArray
) -> Mapping[str, float]:
    # Half a second and 12 MB to import, beside scikit-learn's: only those pay who ask.
    try:
        optuna, evaluators = map(import_module, ("optuna", "optuna.importance"))
    except ImportError as error:
        raise NotInstalled("It takes Optuna, which this server does not have.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {
        key: optuna.distributions.FloatDistribution(float(column.min()), float(column.max()))
        if are_numbers[key]
        else optuna.distributions.CategoricalDistribution(sorted(set(column.tolist())))
        for key, column in x.items()
    }
    study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(
            params={key: float(column[place]) for key, column in x.items()},
            distributions=distributions,
            value=float(value),
        )
        for place, value in enumerate(y)
    )
    evaluator = evaluators.FanovaImportanceEvaluator(n_trees=TREES, max_depth=DEPTH, seed=0)
    found: Mapping[str, float] = evaluator.evaluate(study)
    return found


def _score(x: FloatArray, y: FloatArray) -> float:
    ensemble = import_module("sklearn.ensemble")
    forest = ensemble.RandomForestRegressor(
        TREES, max_depth=DEPTH, oob_score=True, random_state=0, n_jobs=1
    )
    return float(forest.fit(x, y).oob_score_)
