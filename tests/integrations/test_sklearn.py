"""Autologging of real fits."""

import pytest

from experiments.models import Run, RunStatus
from tests.client.test_end_to_end import execute, script
from tests.integrations.conftest import files_of, keys, media, steps, values, versions

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]

DIGITS = """
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
import metascope
from metascope.integrations import sklearn

x, y = load_digits(return_X_y=True)
x, y = x[:300], y[:300]
"""


def test_a_pipeline_is_one_run_with_its_estimator(train):
    run = train(
        DIGITS
        + """
sklearn.autolog("digits", models=True, tags=["auto"])
network = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=500)).fit(x, y)
sklearn.stop()
Ridge().fit(x, y)
"""
    )

    assert (run.name, run.labels, run.status) == ("Pipeline", ["auto"], RunStatus.COMPLETED)
    assert run.params["estimator_class"] == "Pipeline"
    assert run.params["logisticregression__C"] == 0.5
    assert 0.9 < run.summary["training_score"] <= 1
    assert steps(run, "training_score") == steps(run, "fit_s") == [0]
    assert [files_of(one) for one in versions("Pipeline")] == [{"estimator.joblib"}]


def test_a_grid_search_shows_every_candidate(train):
    run = train(
        DIGITS
        + """
sklearn.autolog("digits")
GridSearchCV(SVC(), {"C": [0.1, 1, 10], "kernel": ["linear", "rbf"]}, cv=3).fit(x, y)
"""
    )

    assert (run.name, run.params["estimator"]) == ("GridSearchCV", "SVC")
    assert len(values(run, "cv/mean_test_score")) == 6
    assert run.summary["best_score"] == pytest.approx(max(values(run, "cv/mean_test_score")))
    assert run.params["best_params"]["kernel"] in ("linear", "rbf")
    assert "media/table/cv_results/000000000000.table.json" in media(run)


def test_fits_within_a_run_are_told_apart(train):
    run = train(
        DIGITS
        + """
class Mine(Ridge):
    def fit(self, X, y):
        return super().fit(X, y)

ridge, mine = Ridge.fit, Mine.fit
auto = sklearn.autolog(score=False)
assert Ridge.fit is not ridge
with metascope.start("digits"):
    Ridge(alpha=1).fit(x, y)
    Ridge(alpha=2).fit(X=x, y=y)
    Mine(alpha=3).fit(x, y)
auto.stop()
assert Ridge.fit is ridge and Mine.fit is mine
"""
    )

    assert [run.params[f"{name}/alpha"] for name in ("Ridge", "Ridge-2", "Mine")] == [1, 2, 3]
    assert keys(run) == {"Ridge/fit_s", "Ridge-2/fit_s", "Mine/fit_s"}


def test_a_fit_that_raises_is_a_failed_run(environment, tmp_path):
    text = DIGITS + 'sklearn.autolog("digits")\nSVC(C=-1).fit(x, y)\n'
    done = execute([str(script(tmp_path, text))], environment, tmp_path)

    assert done.returncode == 1
    assert "InvalidParameterError" in done.stderr
    run = Run.objects.get()
    assert (run.name, run.status) == ("SVC", RunStatus.FAILED)
    assert "InvalidParameterError" in run.status_reason
