"""scikit-learn: every `fit` is recorded, without a change to the script.

from metascope.integrations import sklearn
sklearn.autolog("digits")
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metascope import _values
from metascope._active import active_run
from metascope._options import check, check_options
from metascope._run import Run
from metascope.integrations._framework import begin, framework, never_raising, numbers, suffix

_base: Any = framework("sklearn.base", install="scikit-learn")
_utils: Any = framework("sklearn.utils", install="scikit-learn")
_joblib: Any = framework("joblib", install="joblib")

SEARCHES = "cv_results_"


class Autolog:
    """Records fits until `stop`. A fit within another (of a pipeline's steps, a search's
    candidates) belongs to the outer one; so do fits of other threads while one goes on."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._is_fitting = threading.Lock()
        self._originals: dict[type, Callable[..., Any]] = {}

    def begin(self) -> None:
        """Stand in for `fit` of every estimator that there is."""
        for one in _estimators():
            original = one.__dict__.get("fit")
            if callable(original) and one not in self._originals:
                self._originals[one] = original
                one.fit = self._recorded(original)  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Give every estimator its own `fit` back."""
        for one, original in self._originals.items():
            one.fit = original  # type: ignore[attr-defined]
        self._originals.clear()

    def _recorded(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def fit(estimator: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._is_fitting.acquire(blocking=False):
                return original(estimator, *args, **kwargs)
            try:
                return self._recorder.fit(original, estimator, args, kwargs)
            finally:
                self._is_fitting.release()

        return fit


@dataclass
class Recorder:
    """One outermost fit at a time: into the active run, where each has a name of its own (Ridge,
    Ridge-2, ...), or into a run of its own."""

    project: str
    score: bool
    models: bool
    options: Mapping[str, Any]

    def fit(
        self, original: Callable[..., Any], estimator: Any, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        """What the original returns; an error of it ends a run of its own as failed."""
        name = type(estimator).__name__
        if run := active_run():
            return self._fit(run, f"{name}{suffix(run, name)}/", original, estimator, args, kwargs)
        with begin(self.project, {"name": name, **self.options}) as run:
            run.log_params({"estimator_class": name})  # of a search, "estimator" is a param
            return self._fit(run, "", original, estimator, args, kwargs)

    def _fit(
        self, run: Run, prefix: str, original: Callable[..., Any], estimator: Any, args: Any,
        kwargs: dict[str, Any],
    ) -> Any:  # fmt: skip
        with never_raising(run, "sklearn"):
            params = _values.plain(_params(estimator))
            run.log_params({f"{prefix}{key}": value for key, value in params.items()})
        began = time.monotonic()
        fitted = original(estimator, *args, **kwargs)
        row = {"fit_s": time.monotonic() - began}
        with never_raising(run, "sklearn"):
            if self.score:
                row.update(_training_score(estimator, args, kwargs))
            row.update(_search_results(run, prefix, estimator))
            run.log({f"{prefix}{key}": value for key, value in row.items()}, step=0)
            run.set_summary({f"{prefix}{key}": value for key, value in row.items()})
        if self.models:
            name = type(estimator).__name__
            run.save_artifact(name, "estimator.joblib", lambda path: _joblib.dump(estimator, path))
        return fitted


def _params(estimator: Any) -> dict[str, Any]:
    """Of the estimator and those within it; an estimator stands for itself by its name."""
    return {
        key: type(value).__name__ if hasattr(value, "get_params") else value
        for key, value in estimator.get_params(deep=True).items()
    }


def _training_score(estimator: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, float]:
    """Its own score on what it was fitted to: accuracy, R², ... Nothing where it has none."""
    given = [*args, *(kwargs[name] for name in ("X", "y") if name in kwargs)][:2]
    if not hasattr(estimator, "score") or (len(given) < 2 and hasattr(estimator, "predict")):
        return {}
    return numbers({"training_score": estimator.score(*given)})


def _search_results(run: Run, prefix: str, estimator: Any) -> dict[str, float]:
    """Of a grid or random search: each candidate a row of a table and a point of a series."""
    results = getattr(estimator, SEARCHES, None)
    if results is None:
        return {}
    columns = [key for key in results if key != "params" and not key.startswith("split")]
    rows = [list(row) for row in zip(*(results[key] for key in columns), strict=True)]
    run.log_table(f"{prefix}cv_results", rows, [str(key) for key in columns], step=0)
    for place in range(len(rows)):
        scores = {key: results[key][place] for key in columns if key.startswith("mean_test_")}
        run.log({f"{prefix}cv/{key}": value for key, value in scores.items()}, step=place)
    best = getattr(estimator, "best_params_", None)
    if best is not None:
        run.log_params({f"{prefix}best_params": best})
    return numbers({"best_score": getattr(estimator, "best_score_", None)})


def _estimators() -> Iterator[type]:
    """Those of scikit-learn, and those the script has defined so far."""
    _utils.discovery.all_estimators()  # imports them
    waiting, seen = [_base.BaseEstimator], set()
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(one.__subclasses__())
            yield one


_current: Autolog | None = None


def autolog(
    project: str = "", *, score: bool = True, models: bool = False, **options: Any
) -> Autolog:
    """Record every fit from here on: params, how long it took, the score on its training data
    (`score`), results of cross-validated searches, and, with `models`, the fitted estimator as a
    version of a model artifact.

    A fit is recorded in the active run; where there is none, it is a run of its own in `project`
    (`options` are those of `metascope.start`). Returns what `stop` undoes it with; called again,
    the new settings take the place of the old ones.
    """
    global _current
    check(score=score, models=models)
    check_options(project, options)
    stop()
    framework("sklearn.utils.discovery", install="scikit-learn")
    _current = Autolog(Recorder(project, score, models, options))
    _current.begin()
    return _current


def stop() -> None:
    """Record no fits any more."""
    global _current
    if _current is not None:
        _current.stop()
        _current = None
