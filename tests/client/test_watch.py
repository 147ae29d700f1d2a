"""Gradients and weights of a real module, checked against torch by hand."""

import pytest
import torch

from experiments import model_layers, reading
from experiments.models import ManifestFile, Run
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def train(run, passes, **options):
    """Norms of the gradient of the first weight, after each pass."""
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 1)
    run.watch(module, **options)
    norms = []
    for step in range(passes):
        module.zero_grad()
        loss = (module(torch.randn(4, 3)) ** 2).mean()
        loss.backward()
        norms.append(float(module.weight.grad.norm()))
        run.log({"loss": loss}, step=step)
    return norms


def points(key):
    return [(point.step, point.value) for point in reading.points(Run.objects.get().pk, key).points]


def test_norms_of_every_so_many_passes_are_recorded(environment):  # noqa: F811
    with start(system=False) as run:
        norms = train(run, 7, every=3)

    found = points("gradients/weight")
    assert [step for step, _ in found] == [0, 3, 6]
    assert [value for _, value in found] == pytest.approx([norms[at] for at in (0, 3, 6)])
    run = Run.objects.get()
    keys = set(reading.series_keys([run.pk])[run.pk])
    assert keys == {
        "loss", "gradients/weight", "gradients/bias", "gradients/norm", "weights/weight",
        "weights/bias",
    }  # fmt: skip
    whole = [value for _, value in points("gradients/norm")]
    parts = zip(points("gradients/weight"), points("gradients/bias"), strict=True)
    assert whole == pytest.approx([(a[1] ** 2 + b[1] ** 2) ** 0.5 for a, b in parts])
    assert [step for step, _ in points("loss")] == list(range(7))


def test_histograms_are_kept_when_asked_for(environment):  # noqa: F811
    with start(system=False) as run:
        train(run, 1, histograms=True)

    paths = {file.path for file in ManifestFile.objects.all()}
    assert "media/histogram/gradients/weight/000000000000.histogram.json" in paths
    assert "models/Linear.layers.json" in paths
    assert len(paths) == 5


class Weight:
    def __init__(self, path: str, shape: tuple[int, ...], trainable: bool) -> None:
        self.path, self.shape, self.trainable, self.dtype = path, shape, trainable, "float32"


class Net:
    """A Keras model as far as it tells its weights."""

    weights = [Weight("dense/kernel", (3, 4), True), Weight("norm/mean", (4,), False)]


def test_layers_of_torch_and_keras_models_are_kept(environment):  # noqa: F811
    with start(system=False) as run:
        run.watch(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)))
        run.watch(Net())

    assert run.lost == 0
    keras, torch_model = model_layers.of_run(Run.objects.get())
    assert (keras.name, keras.parameters, keras.trained, keras.bytes) == ("Net", 16, 12, 64)
    assert torch_model.name == "Sequential"
    assert torch_model.layers[0] == model_layers.Layer("0.weight", (2, 3), "float32")
    assert (torch_model.parameters, torch_model.trained) == (17, 12)
    assert torch_model.bytes == 16 * 4 + 8


def deep(run, passes, every):
    """What the rectifier of a small network put out at each pass, as arrays."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1))
    run.watch(module, every=every, activations=True)
    outputs = []
    for step in range(passes):
        module.zero_grad()
        x = torch.randn(4, 3)
        with torch.no_grad():
            outputs.append(module[1](module[0](x)))
            module(10 * x)  # an evaluation is no part of the pass
        loss = (module(x) ** 2).mean()
        loss.backward()
        run.log({"loss": loss}, step=step)
    return outputs


def test_activations_of_every_so_many_passes_are_recorded_with_their_share_of_zeros(
    environment,  # noqa: F811
):
    with start(system=False) as run:
        outputs = deep(run, 5, every=2)

    expected = [float(outputs[at].norm()) for at in (0, 2, 4)]
    zeros = [float((outputs[at] == 0).float().mean()) for at in (0, 2, 4)]
    assert [step for step, _ in points("activations/1")] == [0, 2, 4]
    assert [value for _, value in points("activations/1")] == pytest.approx(expected, rel=1e-6)
    assert [value for _, value in points("zeros/1")] == pytest.approx(zeros)
    assert len(points("activations/0")) == 3


def test_activations_inside_a_transform_are_passed_over(environment):  # noqa: F811
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
    with start(system=False) as run:
        run.watch(module, every=1, activations=True)
        parameters = dict(module.named_parameters())

        def total(parameters, x):
            return torch.func.functional_call(module, parameters, (x,)).sum()

        found = torch.func.grad(total)(parameters, torch.randn(2, 3))
        run.log({"loss": found["0.bias"].sum()})

    assert run.lost == 0
    assert set(reading.series_keys([Run.objects.get().pk])[Run.objects.get().pk]) == {"loss"}


def test_what_cannot_be_watched_is_counted(environment):  # noqa: F811
    with start(system=False) as run:
        run.watch(object())
        run.watch(torch.nn.ReLU())
        run.watch(torch.nn.Linear(1, 1), every=0)
        run.log({"loss": 1.0})

    assert run.lost == 3
    assert points("loss") == [(0, 1.0)]
