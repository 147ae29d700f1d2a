"""The callback in real Keras trainings, on two backends."""

import pytest

from experiments.models import RunStatus
from tests.integrations.conftest import files_of, keys, media, steps, values, versions

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]

TRAINING = """
import os
os.environ["KERAS_BACKEND"] = "{backend}"
import keras, numpy
from metascope.integrations.keras import MetascopeCallback

keras.utils.set_random_seed(0)
x = numpy.linspace(-1, 1, 64)[:, None]
network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
network.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])
callback = MetascopeCallback("lines", every_batches=2, model="line", name="{backend}")
network.fit(x, 3 * x, validation_split=0.25, epochs=3, batch_size=8, verbose=0,
            callbacks=[callback])
assert keras.backend.backend() == "{backend}"
"""


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_a_fit_is_a_run(train, backend):
    run = train(TRAINING.format(backend=backend))

    assert (run.name, run.status) == (backend, RunStatus.COMPLETED)
    assert steps(run, "train/loss") == steps(run, "val/mae") == [0, 1, 2]
    assert values(run, "train/learning_rate") == pytest.approx([0.1] * 3)
    assert steps(run, "batch/loss") == list(range(0, 18, 2))
    assert keys(run) >= {"train/loss", "train/mae", "val/loss", "batch/mae"}
    assert run.params["optimizer"]["name"].lower() == "sgd"
    assert (run.params["fit"]["epochs"], run.params["parameters"]) == (3, 2)
    assert run.summary["val/loss"] == pytest.approx(values(run, "val/loss")[-1])
    assert "media/text/model/summary/000000000000.txt" in media(run)
    assert [files_of(one) for one in versions("line")] == [{"network.keras"}]


def test_evaluate_goes_to_the_summary_of_the_active_run(train):
    run = train(
        TRAINING.format(backend="torch").partition("callback =")[0]
        + """
import metascope
with metascope.start("lines"):
    network.fit(x, 3 * x, epochs=1, verbose=0, callbacks=[MetascopeCallback()])
    network.evaluate(x, 3 * x, verbose=0, callbacks=[MetascopeCallback()])
"""
    )

    assert set(run.summary) >= {"train/loss", "test/loss", "test/mae"}
