"""`tf.summary` in real programs: eager, in graphs, and from Keras's own callback."""

import pytest

from experiments import blobs
from experiments.models import ManifestFile
from tests.integrations.conftest import keys, media, steps, values

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]


def test_what_tensorflow_writes_is_recorded(train):
    run = train(
        """
import metascope, tensorflow as tf
from metascope.integrations.tensorflow import capture_summaries

@tf.function
def step(at):
    tf.summary.scalar("graph/loss", tf.cast(at, tf.float32) ** 2, step=at)

own = tf.summary.scalar
with metascope.start("tf"), capture_summaries():
    tf.summary.scalar("nowhere", 1.0, step=0)  # no writer: TensorFlow does not record it either
    writer = tf.summary.create_file_writer("events")
    with writer.as_default():
        for at in range(5):
            tf.summary.scalar("loss", 1 / (at + 1), step=at)
            with tf.summary.record_if(at % 2 == 0):
                tf.summary.scalar("even", at, step=at)
            step(tf.constant(at, tf.int64))
        tf.summary.experimental.set_step(7)
        tf.summary.scalar("late", 1.0)
        tf.summary.histogram("weights", tf.range(10.0), step=1)
        tf.summary.image("two", tf.zeros((2, 4, 4, 3)), step=1)
        tf.summary.text("note", "written", step=1)
        tf.summary.audio("sound", tf.zeros((1, 100, 1)), 8000, step=1)
assert tf.summary.scalar is own
"""
    )

    assert values(run, "loss") == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert values(run, "graph/loss") == [0, 1, 4, 9, 16]
    assert (steps(run, "even"), steps(run, "late")) == ([0, 2, 4], [7])
    assert keys(run) == {"loss", "graph/loss", "even", "late"}
    assert media(run) == {
        "media/histogram/weights/000000000001.histogram.json",
        "media/image/two/0/000000000001.png",
        "media/image/two/1/000000000001.png",
        "media/text/note/000000000001.txt",
        "media/audio/sound/000000000001.wav",
    }
    note = ManifestFile.objects.get(path__contains="note")
    assert blobs.read(note.blob_id) == b"written"


def test_keras_s_own_tensorboard_callback_is_recorded(train):
    run = train(
        """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, metascope, numpy
from metascope.integrations.tensorflow import capture_summaries

x = numpy.linspace(-1, 1, 64)[:, None]
network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
network.compile(optimizer="sgd", loss="mse")
with metascope.start("tf"), capture_summaries():
    network.fit(x, x, epochs=3, verbose=0, callbacks=[keras.callbacks.TensorBoard("events")])
"""
    )

    assert steps(run, "epoch_loss") == [0, 1, 2]
