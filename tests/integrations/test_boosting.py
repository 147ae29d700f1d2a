"""The callbacks in real trainings of XGBoost and LightGBM."""

import json

import pytest

from experiments import blobs
from experiments.models import ManifestFile, RunStatus
from tests.integrations.conftest import files_of, keys, steps, values, versions

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]

DATA = """
import numpy
noise = numpy.random.default_rng(0)
x = noise.normal(size=(200, 3))
y = 2 * x[:, 0] + noise.normal(size=200) / 10
"""


def importance() -> list[list[object]]:
    table = ManifestFile.objects.get(path__startswith="media/table/importance/")
    found: list[list[object]] = json.loads(blobs.read(table.blob_id))["rows"]
    return found


def test_xgboost_train(train):
    run = train(
        DATA
        + """
import xgboost
from metascope.integrations.xgboost import MetascopeCallback

data, test = xgboost.DMatrix(x[:150], y[:150]), xgboost.DMatrix(x[150:], y[150:])
callback = MetascopeCallback("trees", model="booster", name="xgb")
xgboost.train({"eta": 0.5, "max_depth": 2}, data, 20, evals=[(data, "train"), (test, "test")],
              callbacks=[callback], verbose_eval=False)
"""
    )

    assert (run.name, run.status) == ("xgb", RunStatus.COMPLETED)
    assert steps(run, "test/rmse") == list(range(20))
    assert values(run, "train/rmse")[-1] < values(run, "train/rmse")[0]
    assert run.summary["test/rmse"] == pytest.approx(values(run, "test/rmse")[-1])
    assert run.params["booster"]["gradient_booster"]["name"] == "gbtree"
    assert importance()[0][0] == "f0"
    assert [files_of(one) for one in versions("booster")] == [{"booster.ubj"}]


def test_xgboost_estimators_and_cv_in_one_run(train):
    run = train(
        DATA
        + """
import metascope, xgboost
from metascope.integrations.xgboost import MetascopeCallback

with metascope.start("trees"):
    network = xgboost.XGBRegressor(n_estimators=50, early_stopping_rounds=3, learning_rate=0.9,
                                   callbacks=[MetascopeCallback()])
    network.fit(x[:150], y[:150], eval_set=[(x[150:], y[150:])], verbose=False)
    xgboost.cv({"eta": 0.5}, xgboost.DMatrix(x, y), 5, nfold=3, callbacks=[MetascopeCallback()])
"""
    )

    assert run.summary["best_iteration"] < len(values(run, "validation_0/rmse")) - 1
    assert len(values(run, "test/rmse_std")) == 5


def test_lightgbm_train_and_an_early_stop(train):
    run = train(
        DATA
        + """
import lightgbm
from metascope.integrations.lightgbm import MetascopeCallback

data = lightgbm.Dataset(x[:150], y[:150])
test = lightgbm.Dataset(x[150:], y[150:], reference=data)
callback = MetascopeCallback("trees", name="lgb")
booster = lightgbm.train({"objective": "l2", "learning_rate": 0.9, "verbose": -1}, data, 100,
                         valid_sets=[test], callbacks=[callback, lightgbm.early_stopping(3)])
callback.log_booster(booster, model="booster")
"""
    )

    assert (run.name, run.status) == ("lgb", RunStatus.COMPLETED)
    assert run.params["booster"]["learning_rate"] == 0.9
    assert len(values(run, "valid_0/l2")) == run.summary["best_iteration"] + 3
    assert importance()[0][0] == "Column_0"
    assert [files_of(one) for one in versions("booster")] == [{"booster.txt"}]


def test_lightgbm_estimators_and_cv_in_one_run(train):
    run = train(
        DATA
        + """
import lightgbm, metascope
from metascope.integrations.lightgbm import MetascopeCallback

with metascope.start("trees"):
    callback = MetascopeCallback()
    network = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1)
    network.fit(x, y, eval_set=[(x, y)], callbacks=[callback])
    callback.log_booster(network)
    lightgbm.cv({"verbose": -1}, lightgbm.Dataset(x, y), 5, nfold=3, stratified=False,
                callbacks=[MetascopeCallback()])
"""
    )

    assert len(values(run, "training/l2")) == 10
    assert keys(run) >= {"valid/l2", "valid/l2_std"}
