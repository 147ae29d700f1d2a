"""What models are made of: descriptions, headers of safetensors, and what strangers send."""

import io
import json
from typing import Any

import pytest

from experiments import artifacts, blobs, files, model_layers
from experiments.comparing import layers
from experiments.model_layers import Layer
from experiments.models import BlobUpload, Run
from tests.factories import make_run

pytestmark = pytest.mark.django_db


def safetensors(**tensors: Any) -> bytes:
    header = json.dumps(tensors).encode()
    return len(header).to_bytes(8, "little") + header + b"\0" * 64


def put(run: Run, path: str, data: bytes) -> None:
    files.put(files.of_run(run), path, io.BytesIO(data))


def test_a_description_tells_parameters_and_bytes():
    run = make_run()
    model_layers.record(
        run, "net", [Layer("w", (3, 4), "float32"), Layer("mean", (4,), "int64", trained=False)]
    )

    (model,) = model_layers.of_run(run)

    assert (model.name, model.parameters, model.trained) == ("net", 16, 12)
    assert model.bytes == 12 * 4 + 4 * 8


def test_headers_of_safetensors_are_read_in_files_and_artifacts_of_the_run():
    run = make_run()
    data = safetensors(
        __metadata__={"format": "pt"},
        w={"dtype": "BF16", "shape": [2, 5], "data_offsets": [0, 20]},
    )
    put(run, "models/own.safetensors", data)
    blob = blobs.put(data)
    BlobUpload.objects.create(workspace=run.project.workspace, blob=blob)
    artifacts.log_version(
        project=run.project, user=None, name="learner", kind="model", run=run,
        stored=[artifacts.Stored(path="a/w.safetensors", sha256=blob.sha256)],
    )  # fmt: skip

    found = model_layers.of_run(run)

    assert [one.name for one in found] == ["own", "learner:1 a/w"]
    assert [(one.parameters, one.bytes) for one in found] == [(10, 20), (10, 20)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.layers.json", b"{"),
        ("x.layers.json", b"[" * 100_000),
        ("x.layers.json", b'{"layers": [{"name": "a", "shape": [-1]}]}'),
        ("x.layers.json", b'{"layers": [{"name": "a", "shape": [1e3]}]}'),
        ("x.layers.json", b'{"layers": [1]}'),
        ("x.safetensors", b""),
        ("x.safetensors", b"\xff" * 20),
        ("x.safetensors", safetensors(w=[1])),
        ("x.safetensors", safetensors(w={"dtype": "F32", "shape": [2**60]})),
    ],
)
def test_files_of_another_shape_are_passed_over(name: str, data: bytes):
    run = make_run()
    put(run, f"models/{name}", data)

    assert model_layers.of_run(run) == []


def test_models_are_compared_layer_by_layer():
    runs = [make_run(), make_run(), make_run()]
    model_layers.record(runs[0], "small", [Layer("a.w", (3, 4), "float32")])
    model_layers.record(
        runs[1], "large", [Layer("a.w", (6, 4), "float32"), Layer("b.w", (1,), "float32")]
    )

    (model,) = layers.compare(runs)

    assert model.name == "small / large"
    assert model.differing == 2
    assert [[cell.text for cell in row.cells] for row in model.rows] == [
        ["3 × 4 float32", "6 × 4 float32", "–"],
        ["–", "1 float32", "–"],
    ]
    assert [cell.differs for cell in model.rows[0].cells] == [False, True, False]
