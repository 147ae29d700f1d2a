"""What scripts show beside metrics: files of the run, and episodes by their ids."""

import io
import json
import math
import os
import wave
import zlib

import metascope
import numpy as np
import plotly.graph_objects as go
import pytest
from metascope import _media
from metascope._settings import load
from metascope._sync import sync

from experiments import blobs, reading
from experiments.models import Evaluation, ManifestFile, Run
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n"


def stored() -> dict[str, bytes]:
    """Content of the run's files by path."""
    return {file.path: blobs.read(file.blob_id) for file in ManifestFile.objects.all()}


def pixels(png: bytes) -> np.ndarray:
    """An independent reading: rows without filters, colours by their number of channels."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    channels = {0: 1, 2: 3, 6: 4}[png[25]]
    size = int.from_bytes(png[33:37], "big")
    assert png[37:41] == b"IDAT"
    rows = np.frombuffer(zlib.decompress(png[41 : 41 + size]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


def test_what_is_shown_is_a_file_of_the_run(environment):  # noqa: F811
    with start() as run:
        run.log({"loss": 1.0}, step=6)
        run.log_image("train/example", np.zeros((2, 3)), step=0)
        run.log_text("note", "two\nlines")
        run.log_table("worst", [{"id": "e1", "loss": 2.0}, {"id": "e2", "loss": math.nan}])
        run.log_histogram("weights", [0, 1, 2, 3, math.inf], bins=3)
        run.log_curve("pr", [0, 1], [1.0, 0.5], x_title="recall", y_title="precision")
        run.log_confusion_matrix("digits", np.array([[3, 1], [0, 4]]), ["a", "b"])
        run.log_html("page", "<b>bold</b>")

    files = stored()
    assert files["media/text/note/000000000007.txt"] == b"two\nlines"
    assert files["media/image/train/example/000000000000.png"].startswith(PNG)
    assert json.loads(files["media/table/worst/000000000007.table.json"]) == {
        "columns": ["id", "loss"], "rows": [["e1", 2.0], ["e2", "nan"]],
    }  # fmt: skip
    assert json.loads(files["media/histogram/weights/000000000007.histogram.json"]) == {
        "edges": [0, 1, 2, 3], "counts": [1, 1, 2], "nonfinite": 1,
    }  # fmt: skip
    assert json.loads(files["media/confusion/digits/000000000007.confusion.json"]) == {
        "labels": ["a", "b"], "counts": [[3, 1], [0, 4]],
    }  # fmt: skip
    assert len(files) == 7
    assert not list((environment / "spool").glob("*/file-*"))


def test_without_a_server_files_wait_for_sync(environment, monkeypatch):  # noqa: F811
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    with start() as run:
        run.log_text("note", "kept")
    assert not Run.objects.exists()

    (synced,) = sync(load(), print)

    assert synced.is_drained
    assert stored() == {"media/text/note/000000000000.txt": b"kept"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("log_image", ("a", np.zeros((2, 3, 7)))),
        ("log_image", ("a", "nothing.png")),
        ("log_image", ("a", b"no picture")),
        ("log_image", ("../a", np.zeros((2, 3)))),
        ("log_image", ("a//b", np.zeros((2, 3)))),
        ("log_figure", ("a", object())),
        ("log_table", ("a", [[1, 2], [3]], ["x", "y"])),
        ("log_table", ("a", [[1, 2]])),
        ("log_curve", ("a", [1, 2], [1])),
        ("log_histogram", ("a", [1, 2], 0)),
        ("log_confusion_matrix", ("a", [[1, 2]])),
        ("log_confusion_matrix", ("a", [[1, 2], [3, 4]], ["x"])),
        ("log_video", ("a", "film.exe")),
        ("log_episodes", ([],)),
    ],
)
def test_what_cannot_be_shown_is_counted_and_the_script_goes_on(environment, name, arguments):  # noqa: F811
    more = {"ids": [], "step": 0} if name == "log_episodes" else {}
    with start() as run:
        getattr(run, name)(*arguments, **more)
        run.log({"loss": 1.0})

    assert run.lost == 1
    assert not ManifestFile.objects.exists()


def test_episodes_are_kept_one_by_one(environment):  # noqa: F811
    losses = np.array([[3.0, 0.5], [2.0, np.nan]])
    with start() as run:
        run.log_episodes(
            losses, ids=["e0", "e1"], step=100, accuracies=[[0.2, 1.0], [0.4, 0.8]],
            protocol={"way": 5, "shot": 1},
        )  # fmt: skip

    evaluation = Evaluation.objects.get()
    found = reading.episodes(evaluation)
    assert (evaluation.name, evaluation.step, evaluation.inner_steps) == ("test", 100, 1)
    assert evaluation.protocol == {"way": 5, "shot": 1}
    assert list(found.ids) == ["e0", "e1"]
    np.testing.assert_array_equal(found.losses, losses)
    assert found.accuracies.tolist() == [[0.2, 1.0], [0.4, 0.8]]


def test_what_the_machine_does_is_recorded_and_moves_no_step(environment):  # noqa: F811
    with metascope.start("sinusoid", console=False, code=False) as run:
        run.log({"loss": 1.0})
        run.watch_machine()  # a second time changes nothing
        run.log({"loss": 2.0})

    run = Run.objects.get()
    keys = reading.series_keys([run.pk])[run.pk]
    assert {"system/cpu_percent", "system/process_memory_gib", "system/memory_percent"} <= set(keys)
    points = reading.points(run.pk, "loss").points
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 2.0)]
    (memory,) = reading.points(run.pk, "system/memory_percent").points
    assert 0 < memory.value < 100


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0.0, 1.0], [0.5, 2.0]]), [[[0], [255]], [[128], [255]]]),
        (np.array([[[1, 2, 3]]], np.uint8), [[[1, 2, 3]]]),
        (np.array([[True, False]]), [[[255], [0]]]),
        (np.array([[[1, 2, 3, 4]]], np.int64), [[[1, 2, 3, 4]]]),
    ],
)
def test_arrays_become_pictures_pixel_by_pixel(array, expected):
    extension, data = _media.image(array)

    assert extension == "png"
    assert pixels(data).tolist() == expected


def test_sounds_are_kept_sample_by_sample():
    extension, data = _media.audio(np.array([0.0, 1.0, -1.0]), 8000)

    with wave.open(io.BytesIO(data)) as file:
        assert (extension, file.getframerate(), file.getnchannels()) == ("wav", 8000, 1)
        assert np.frombuffer(file.readframes(3), "<i2").tolist() == [0, 32767, -32767]


class Figure:
    """As Matplotlib's."""

    def savefig(self, buffer, **options):
        buffer.write(PNG + options["format"].encode())


def test_files_pictures_sounds_and_figures_are_kept_as_they_are(environment, tmp_path):  # noqa: F811
    svg = b"<?xml version='1.0'?>\n<svg></svg>"
    contents = {"film.mp4": os.urandom(100_000), "a.gif": b"GIF89a", "b.ogg": b"OggS", "c": svg}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    with start() as run:
        run.log_video("film", tmp_path / "film.mp4", step=3)
        run.log_image("file", tmp_path / "a.gif", step=3)
        run.log_image("bytes", PNG, step=3)
        run.log_image("vector", tmp_path / "c", step=3)
        run.log_audio("file", tmp_path / "b.ogg", step=3)
        run.log_audio("array", np.zeros((10, 2)), rate=8000, step=3)
        run.log_figure("drawn", Figure(), step=3)
        (tmp_path / "film.mp4").write_bytes(b"changed at once")

    files = stored()
    assert files["media/video/film/000000000003.mp4"] == contents["film.mp4"]
    assert files["media/image/file/000000000003.gif"] == b"GIF89a"
    assert files["media/image/bytes/000000000003.png"] == PNG
    assert files["media/image/vector/000000000003.svg"] == svg
    assert files["media/audio/file/000000000003.ogg"] == b"OggS"
    assert files["media/audio/array/000000000003.wav"].startswith(b"RIFF")
    assert files["media/figure/drawn/000000000003.png"] == PNG + b"png"
    assert run.lost == 0


def test_a_picture_of_pil_is_kept_as_png():
    class Picture:
        def save(self, buffer, format):
            buffer.write(PNG + format.encode())

        def getbands(self):
            return ("R", "G", "B")

    assert _media.image(Picture()) == ("png", PNG + b"PNG")


def test_histograms_of_one_value_and_of_none():
    assert json.loads(_media.histogram([2.0, 2.0])[1]) == {
        "edges": [2.0, 2.0], "counts": [2], "nonfinite": 0,
    }  # fmt: skip
    assert json.loads(_media.histogram([math.nan])[1])["nonfinite"] == 1


def test_a_plotly_figure_is_kept_as_its_json():
    extension, data = _media.figure(go.Figure(go.Scatter(y=[1, 2])))

    assert extension == "plotly.json"
    assert json.loads(data)["data"][0]["type"] == "scatter"
