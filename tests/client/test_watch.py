"""Gradients and weights of a real module, checked against torch by hand."""

import pytest
import torch

from experiments import reading
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
    assert len(paths) == 4


def test_what_cannot_be_watched_is_counted(environment):  # noqa: F811
    with start(system=False) as run:
        run.watch(object())
        run.watch(torch.nn.ReLU())
        run.watch(torch.nn.Linear(1, 1), every=0)
        run.log({"loss": 1.0})

    assert run.lost == 3
    assert points("loss") == [(0, 1.0)]
