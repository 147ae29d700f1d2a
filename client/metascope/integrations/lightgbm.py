"""LightGBM: a callback for `train`, `cv` and its scikit-learn estimators.

booster = lightgbm.train(params, data, valid_sets=[test], callbacks=[callback])
callback.log_booster(booster)
"""

from __future__ import annotations

from typing import Any

from metascope._run import Run
from metascope.integrations._framework import RunSource, framework, never_raising, suffix

_lightgbm: Any = framework("lightgbm", install="lightgbm")


class MetascopeCallback:
    """Records params and every round's evaluations ("valid_0/l2", by round).

    `run`: one that was started; otherwise the active one, unless `project` (and `options` of
    `metascope.start`) begin one of the callback's own. LightGBM tells a callback neither the
    finished booster nor an early end: `log_booster` records those, and ends a run of its own.
    """

    before_iteration = False
    order = 15  # ahead of early stopping, which ends a round by raising

    def __init__(self, project: str = "", *, run: Run | None = None, **options: Any) -> None:
        self._source = RunSource(run, project, options)
        self._last: dict[str, float] = {}

    def __call__(self, env: Any) -> None:
        """One round."""
        run = self._source.get()
        if env.iteration == env.begin_iteration:
            run.log_params({f"booster{suffix(run, 'booster')}": env.params})
        for data, metric, value, _, *spread in env.evaluation_result_list or ():
            self._last[f"{data}/{metric}"] = value
            if spread:  # of `cv`: over its folds
                self._last[f"{data}/{metric}_std"] = spread[0]
        if self._last:
            run.log(self._last, step=env.iteration)

    def log_booster(self, booster: Any, model: str = "") -> None:
        """Results of a finished training (a booster, or a fitted estimator): the best round and how
        important features are; with `model`, the booster as a version of that model artifact."""
        booster = getattr(booster, "booster_", booster)
        run = self._source.get()
        with never_raising(run, "lightgbm"):
            best = {"best_iteration": booster.best_iteration, "best_score": booster.best_score}
            run.set_summary({**self._last, **best})
            gains = booster.feature_importance(importance_type="gain").tolist()
            rows = sorted(zip(booster.feature_name(), gains, strict=True), key=lambda row: -row[1])
            run.log_table("importance", rows, ["feature", "gain"], step=0)
        if model:
            run.save_artifact(model, "booster.txt", booster.save_model)
        self._source.end()
