"""The logger in a real Lightning training."""

import pytest

from experiments.models import Run, RunStatus
from tests.client.test_end_to_end import execute, script
from tests.integrations.conftest import files_of, keys, steps, values, versions

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]

NETWORK = """
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset
from metascope.integrations.lightning import MetascopeLogger

class Line(LightningModule):
    def __init__(self, lr, fails=False):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)

    def _loss(self, batch):
        x, y = batch
        return torch.nn.functional.mse_loss(self.layer(x), y)

    def training_step(self, batch, place):
        if self.hparams.fails and place == 3:
            raise RuntimeError("diverged")
        loss = self._loss(batch)
        self.log("train/loss", loss, on_step=True)
        return loss

    def validation_step(self, batch, place):
        self.log("val/loss", self._loss(batch))

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

x = torch.linspace(-1, 1, 64)[:, None]
data = DataLoader(TensorDataset(x, 3 * x), batch_size=8)
quiet = dict(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
"""


def test_a_fit_is_a_run_with_its_best_checkpoint(train):
    run = train(
        NETWORK
        + """
logger = MetascopeLogger("lines", checkpoints="best", name="first", tags=["pl"], save_dir="out")
best = ModelCheckpoint(monitor="val/loss", save_last=True)
trainer = Trainer(max_epochs=3, logger=logger, log_every_n_steps=1, callbacks=[best], **quiet)
network = Line(0.1)
trainer.fit(network, data, data)
trainer.test(network, data, verbose=False)
assert logger.name == "lines" and "None" not in best.best_model_path, best.best_model_path
"""
    )

    assert (run.project.slug, run.name, run.labels) == ("lines", "first", ["pl"])
    assert (run.status, run.params["lr"]) == (RunStatus.COMPLETED, 0.1)
    assert {"train/loss", "val/loss", "epoch"} <= keys(run)
    assert steps(run, "train/loss") == list(range(24))
    assert len(values(run, "val/loss")) == 4  # three epochs, and the test
    assert values(run, "train/loss")[-1] < values(run, "train/loss")[0]
    found = versions("checkpoint")
    assert found
    assert all(one.artifact.kind == "model" for one in found)
    assert {name for one in found for name in files_of(one)} >= {
        "last.ckpt",
        "epoch=2-step=24.ckpt",
    }
    assert {alias.name for one in found for alias in one.aliases.all()} >= {"best", "last"}


def test_a_fit_that_raises_is_a_failed_run(environment, tmp_path):
    text = NETWORK + 'Trainer(logger=MetascopeLogger("lines"), **quiet).fit(Line(0.1, True), data)'
    done = execute([str(script(tmp_path, text))], environment, tmp_path)

    assert done.returncode == 1
    run = Run.objects.get()
    assert run.status == RunStatus.FAILED
    assert "diverged" in run.status_reason


def test_the_active_run_is_taken_and_not_ended(train):
    run = train(
        "import metascope\n"
        + NETWORK
        + """
with metascope.start("mine", name="outer") as run:
    logger = MetascopeLogger(prefix="inner")
    trainer = Trainer(max_epochs=1, logger=logger, log_every_n_steps=1,
                      enable_checkpointing=False, **quiet)
    trainer.fit(Line(0.1), data)
    assert logger.experiment is run
    run.log({"after": 1.0}, step=0)
"""
    )

    assert (run.name, values(run, "after")) == ("outer", [1.0])
    assert "inner/train/loss" in keys(run)


def test_other_ranks_record_nothing(train):
    run = train(
        """
import metascope, os
os.environ["LOCAL_RANK"] = "1"
from metascope.integrations.lightning import MetascopeLogger

run = metascope.start("lines", rank=0)
logger = MetascopeLogger(run=run)
logger.log_metrics({"a": 1.0}, step=0)
logger.log_hyperparams({"lr": 1})
assert logger.experiment is not run
"""
    )

    assert (keys(run), run.params) == (set(), {})
