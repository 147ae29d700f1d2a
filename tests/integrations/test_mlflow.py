"""Autologging of MLflow's unmodified client with the real frameworks: what is logged, and shown.

A user's script in a git repository trains, loads its model back by the same client and says that it
predicts the same; what was logged is then looked for over REST and on the run's page.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from experiments import access, reading
from experiments.models import LoggedModel, Role, Run, RunStatus
from tests import factories
from tests.client.test_end_to_end import script
from tests.integrations.conftest import media

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]
LIMIT_S = 280  # importing the frameworks is most of it

DATA = """
import json, sys
import mlflow
import numpy as np
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 3)).astype("float32")
y = (x[:, 0] > 0).astype(int)
mlflow.set_experiment("tiny")
"""
# Every script ends by loading the model that it trained: `same(load)`.
TOLD = """
def same(load, *words):
    found = load(f"runs:/{run.info.run_id}/model")
    assert np.allclose(predicted(found), predicted(model), atol=1e-6)
    told = mlflow.get_run(run.info.run_id)
    datasets = [one.dataset.name for one in told.inputs.dataset_inputs]
    print(json.dumps({"run": run.info.run_id, "tags": told.data.tags, "datasets": datasets}))
"""


@dataclass(frozen=True)
class Trained:
    """The run of a script, with what its client read back."""

    run: Run
    commit: str
    told: dict[str, Any]

    def steps(self, key: str) -> list[int]:
        return [point.step for point in reading.points(self.run.pk, key, limit=1_000).points]

    def files(self) -> set[str]:
        """Paths of what lies beside the metrics."""
        return media(self.run)

    def model(self) -> LoggedModel:
        return LoggedModel.objects.get(run=self.run, name="model")


Train = Callable[..., Trained]


@pytest.fixture
def ada(live_server):
    """A member of the lab, with a token."""
    factories.make_workspace("lab", ada=Role.MEMBER)
    ada = factories.make_user("ada")
    return ada, access.create_token(user=ada, name="script")[1]


@pytest.fixture
def train(live_server, ada, tmp_path, monkeypatch) -> Train:
    """Executes a script, committed to a git repository, as one would that knows only MLflow."""

    def call(text: str, **variables: str) -> Trained:
        for name in ("METASCOPE_URL", "METASCOPE_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        path = script(tmp_path, DATA + TOLD + text)
        commit = _committed(path.parent)
        environment = {
            **os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "agg",
            "MLFLOW_TRACKING_URI": live_server.url, "MLFLOW_TRACKING_TOKEN": ada[1], **variables,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(path)], env=environment, cwd=path.parent, capture_output=True,
            text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4_000:]
        assert "Traceback" not in done.stderr, done.stderr[-4_000:]
        told = json.loads(done.stdout.strip().splitlines()[-1])
        return Trained(Run.objects.get(pk=told["run"]), commit, told)

    return call


def _committed(folder) -> str:
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Train"]):
        subprocess.run([*git, *words], check=True)
    return subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()


def check_shown(trained: Trained, params: dict[str, str], metrics: set[str]) -> None:
    """The run is like any other: over REST and on its page, with its model and its commit."""
    run, commit = trained.run, trained.commit
    assert (run.status, run.project.slug) == (RunStatus.COMPLETED, "tiny")
    client = Client()
    client.force_login(factories.make_user("ada"))

    shown = client.get(f"/api/v1/runs/{run.pk}/").json()
    assert params.items() <= {key: str(one) for key, one in shown["params"].items()}.items()
    series = client.get(f"/api/v1/runs/{run.pk}/metrics/").json()
    assert metrics <= {one["key"] for one in series["results"]}
    page = client.get(reverse("run", args=[run.pk])).content.decode()
    assert commit[:10] in page
    assert "train.py" in page
    assert f"model={trained.model().pk}" in page
    charts = client.get(reverse("run", args=[run.pk]), {"tab": "charts"}).content.decode()
    assert all(key in charts for key in metrics)
    tab = client.get(reverse("run", args=[run.pk]), {"tab": "params"}).content.decode()
    assert all(key in tab for key in params)
    model = trained.model()
    listed = client.get(
        reverse("run", args=[run.pk]), {"tab": "files", "model": model.pk}
    ).content.decode()
    assert "MLmodel" in listed
    for dataset in trained.told["datasets"]:
        assert dataset in listed
    assert model.status == LoggedModel.Status.READY
    assert trained.told["tags"]["mlflow.source.git.commit"] == commit


def test_scikit_learn(train):
    trained = train("""
from sklearn.linear_model import LogisticRegression
mlflow.sklearn.autolog()
predicted = lambda one: one.predict_proba(x)
with mlflow.start_run() as run:
    model = LogisticRegression(C=0.5).fit(x, y)
    model.score(x, y)
same(mlflow.sklearn.load_model)
assert mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(x).shape == (64,)
""")

    check_shown(trained, {"C": "0.5", "solver": "lbfgs"}, {"training_accuracy_score"})
    assert trained.steps("LogisticRegression_score_x") == [0]
    assert {"estimator.html", "training_confusion_matrix.png"} <= trained.files()
    assert trained.told["tags"]["estimator_name"] == "LogisticRegression"
    assert trained.told["datasets"]


def test_scikit_learns_searches_have_child_runs(train):
    trained = train("""
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
mlflow.sklearn.autolog(max_tuning_runs=2)
predicted = lambda one: one.predict(x)
with mlflow.start_run() as run:
    model = GridSearchCV(LogisticRegression(), {"C": [0.1, 1, 10]}, cv=2).fit(x, y)
same(mlflow.sklearn.load_model)
""")

    check_shown(trained, {"cv": "2"}, {"best_cv_score"})
    tag = {"name": "mlflow.parentRunId", "value": trained.run.pk}
    children = [run for run in Run.objects.all() if run.tag_rows.filter(**tag).exists()]
    assert len(children) == 2
    assert {"C", "solver"} <= set(children[0].params)


LIGHTNING = """
import torch
import lightning.pytorch as pl
from torch.utils.data import DataLoader, TensorDataset

class Net(pl.LightningModule):
    def __init__(self, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x)

    def _loss(self, batch):
        return torch.nn.functional.mse_loss(self(batch[0]).squeeze(1), batch[1])

    def training_step(self, batch, _):
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

inputs = torch.tensor(x)
data = DataLoader(TensorDataset(inputs, torch.tensor(y).float()), batch_size=16)
mlflow.pytorch.autolog(checkpoint=True, checkpoint_save_best_only=False)
predicted = lambda one: one(inputs).detach().numpy()
model = Net()
with mlflow.start_run() as run:
    pl.Trainer(
        max_epochs=3, logger=False, enable_progress_bar=False, accelerator="cpu"
    ).fit(model, data, data)
same(mlflow.pytorch.load_model)
"""


def test_pytorch_lightning(train):
    trained = train(LIGHTNING)

    check_shown(trained, {"epochs": "3", "optimizer_name": "SGD"}, {"train_loss", "val_loss"})
    assert trained.steps("val_loss") == [0, 1, 2]
    assert "model_summary.txt" in trained.files()
    kept = {f"checkpoints/epoch_{number}/checkpoint.pth" for number in range(3)}
    assert kept <= trained.files()


def test_xgboost(train):
    trained = train("""
import xgboost
mlflow.xgboost.autolog(importance_types=["weight", "gain"])
predicted = lambda one: one.predict(data)
data = xgboost.DMatrix(x, label=y)
with mlflow.start_run() as run:
    asked = {"objective": "binary:logistic", "max_depth": 2, "eval_metric": ["logloss", "error"]}
    model = xgboost.train(asked, data, num_boost_round=5, evals=[(data, "train")])
same(mlflow.xgboost.load_model)
""")

    check_shown(
        trained, {"max_depth": "2", "num_boost_round": "5"}, {"train-logloss", "train-error"}
    )
    assert trained.steps("train-logloss") == [0, 1, 2, 3, 4]
    assert {"feature_importance_gain.png", "feature_importance_weight.json"} <= trained.files()
    assert "train" in trained.told["datasets"]


def test_lightgbm(train):
    trained = train("""
import lightgbm
mlflow.lightgbm.autolog()
predicted = lambda one: one.predict(x)
data = lightgbm.Dataset(x, label=y)
with mlflow.start_run() as run:
    asked = {"objective": "binary", "verbose": -1}
    model = lightgbm.train(asked, data, 5, valid_sets=[data], valid_names=["train"])
same(mlflow.lightgbm.load_model)
""")

    check_shown(trained, {"objective": "binary"}, {"train-binary_logloss"})
    assert trained.steps("train-binary_logloss") == [0, 1, 2, 3, 4]
    assert "feature_importance_split.png" in trained.files()


KERAS = """
import keras
mlflow.keras.autolog()
predicted = lambda one: one.predict(x, verbose=0)
model = keras.Sequential([
    keras.layers.Input((3,)),
    keras.layers.Dense(4, activation="relu"),
    keras.layers.Dense(2, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
with mlflow.start_run() as run:
    model.fit(x, y, epochs=3, batch_size=16, validation_data=(x, y), verbose=0)
same(mlflow.keras.load_model)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_keras(train, backend):
    trained = train(KERAS, KERAS_BACKEND=backend)

    check_shown(
        trained, {"epochs": "3", "optimizer_name": "adam"}, {"loss", "val_loss", "accuracy"}
    )
    assert trained.steps("val_loss") == [0, 1, 2]
    assert "model_summary.txt" in trained.files()
    assert trained.told["datasets"] == ["dataset"]


def test_plain_pytorch(train):
    trained = train("""
import torch
inputs = torch.tensor(x)
predicted = lambda one: one(inputs).detach().numpy()
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with mlflow.start_run() as run:
    mlflow.log_params({"lr": 0.1, "layers": 1})
    mlflow.log_input(mlflow.data.from_numpy(x, targets=y, name="made"), context="training")
    for epoch in range(4):
        loss = ((model(inputs).squeeze(1) - torch.tensor(y)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mlflow.log_metric("loss", loss.item(), step=epoch)
    mlflow.pytorch.log_model(model, name="model", serialization_format="pickle")
same(mlflow.pytorch.load_model)
""")

    check_shown(trained, {"lr": "0.1", "layers": "1"}, {"loss"})
    assert trained.steps("loss") == [0, 1, 2, 3]
    assert trained.told["datasets"] == ["made"]
