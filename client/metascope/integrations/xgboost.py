"""XGBoost: a callback for `train`, `cv` and its scikit-learn estimators.

xgboost.train(params, data, evals=[(test, "test")], callbacks=[MetascopeCallback("sinusoid")])
"""

from __future__ import annotations

import json
from typing import Any

from metascope._options import check
from metascope._run import Run
from metascope.integrations._framework import RunSource, framework, never_raising, suffix

_callback: Any = framework("xgboost.callback", install="xgboost")


class MetascopeCallback(_callback.TrainingCallback):
    """Records every round's evaluations ("test/rmse", by round), the booster's configuration, how
    important features are, and the best round.

    `run`: one that was started; otherwise the active one, unless `project` (and `options` of
    `metascope.start`) begin one of the callback's own, which ends with the training. `model`: keep
    the booster as a version of the model artifact of that name.
    """

    def __init__(
        self, project: str = "", *, run: Run | None = None, model: str = "", **options: Any
    ) -> None:
        super().__init__()
        check(model=model)
        self._source = RunSource(run, project, options)
        self._name = model
        self._last: dict[str, float] = {}

    def before_training(self, model: Any) -> Any:
        """How it is trained."""
        run = self._source.get()
        with never_raising(run, "xgboost"):
            if hasattr(model, "save_config"):  # of `cv` there are several boosters
                run.log_params(
                    {
                        f"booster{suffix(run, 'booster')}": _plain(
                            json.loads(model.save_config())["learner"]
                        )
                    }
                )
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """One round; False: the training goes on."""
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                value = values[-1]
                mean, *spread = value if isinstance(value, tuple) else (value,)
                self._last[f"{data}/{metric}"] = mean
                if spread:  # of `cv`: over its folds
                    self._last[f"{data}/{metric}_std"] = spread[0]
        self._source.get().log(self._last, step=epoch)
        return False

    def after_training(self, model: Any) -> Any:
        """Results, and the booster if it is to be kept."""
        run = self._source.get()
        with never_raising(run, "xgboost"):
            run.set_summary({**self._last, **_best(model)})
            if hasattr(model, "get_score"):
                gains = model.get_score(importance_type="gain")
                rows = sorted(gains.items(), key=lambda pair: -float(pair[1]))
                run.log_table("importance", rows, ["feature", "gain"], step=0)
        if self._name and hasattr(model, "save_model"):
            run.save_artifact(self._name, "booster.ubj", model.save_model)
        self._source.end()
        return model


def _best(model: Any) -> dict[str, Any]:
    """Of a training that stopped early."""
    found = {}
    for name in ("best_iteration", "best_score"):
        try:
            found[name] = getattr(model, name)
        except (AttributeError, TypeError):  # nothing stopped it; TypeError: so of `cv`
            continue
    return found


def _plain(config: Any) -> Any:
    """The configuration's numbers, which it writes as texts, as numbers."""
    if isinstance(config, dict):
        return {key: _plain(value) for key, value in config.items()}
    try:
        return json.loads(config) if isinstance(config, str) else config
    except ValueError:
        return config
