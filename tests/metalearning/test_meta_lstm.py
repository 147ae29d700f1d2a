"""The meta-learner LSTM against a literal version: one episode, one parameter at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.metalearning.building import (
    OwnNetwork,
    double_parameters,
    drop_system,
    image_batch,
    one_loss,
    regression_batch,
    write_archives,
)
from worker.metalearning import specs
from worker.metalearning.algorithms.base import Crew
from worker.metalearning.algorithms.meta_lstm import PREFIX, MetaLstm
from worker.metalearning.checkpoint import Checkpoint
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.formulations import formulation
from worker.metalearning.networks import Conv4, Mlp, Parameters
from worker.metalearning.training import Report, train

INNER = specs.MetaLstmInner(steps=3, hidden=4, lr=0.1, keep=0.95)
SETS: dict[str, tuple[Any, Any]] = {
    "mlp": (lambda: Mlp(1, (5,), 1), lambda: regression_batch(2)),
    "conv4": (lambda: Conv4(1, 3, 3), lambda: image_batch(2, side=17)),
    "own": (OwnNetwork, lambda: regression_batch(2)),
}


def make(name: str, crew: Crew | None = None) -> tuple[MetaLstm, nn.Module, Parameters, Any]:
    """A learner in float64 with meta-parameters moved a little, and a batch."""
    network, batch = SETS[name][0](), SETS[name][1]()
    own = double_parameters(network)
    objective = "mse" if batch.query_y.is_floating_point() else "cross_entropy"
    learner = MetaLstm(formulation(network, objective), crew or Crew(), INNER, 0)
    meta = learner.initial(own)
    numbers = torch.Generator().manual_seed(5)
    for key in meta:
        if key.startswith(PREFIX):
            noise = torch.randn(meta[key].shape, generator=numbers, dtype=torch.float64)
            meta[key] = meta[key] + 0.2 * noise
    return learner, network, meta, batch


def read(value: float) -> list[float]:
    """Preprocessing with p = 10."""
    if abs(value) >= math.exp(-10):
        return [math.log(abs(value)) / 10, math.copysign(1.0, value)]
    return [-1.0, math.exp(10) * value]


def literal_step(
    meta: Parameters, theta: Tensor, gradient: Tensor, loss: float, memories: list[Any]
) -> tuple[Tensor, list[Any]]:
    """Equations 1 and 2 for each parameter by itself; the layer below written out."""
    gates = {key.removeprefix(PREFIX): value for key, value in meta.items()}
    hidden = INNER.hidden
    moved, kept = [], []
    for place in range(len(theta)):
        h, c, forget, entry = memories[place]
        seen = torch.tensor([*read(float(gradient[place])), *read(loss)], dtype=torch.float64)
        z = gates["below.weight_ih"] @ seen + gates["below.bias_ih"]
        z = z + gates["below.weight_hh"] @ h + gates["below.bias_hh"]
        i, f, g, o = z.split(hidden)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        now = torch.cat([h, theta[place, None], forget])
        forget = torch.sigmoid(gates["forget.weight"] @ now + gates["forget.bias"])
        now = torch.cat([h, theta[place, None], entry])
        entry = torch.sigmoid(gates["input.weight"] @ now + gates["input.bias"])
        moved.append(forget[0] * theta[place] - entry[0] * gradient[place])
        kept.append((h, c, forget, entry))
    return torch.stack(moved), kept


def named(theta: Tensor, own: Parameters) -> Parameters:
    pieces = theta.split([param.numel() for param in own.values()])
    return {name: p.view(own[name].shape) for name, p in zip(own, pieces, strict=True)}


def literal_thetas(
    network: nn.Module, meta: Parameters, batch: EpisodeBatch, e: int, steps: int
) -> list[Tensor]:
    """theta_0 to theta_S of one episode, with the graph through the meta-learner alone."""
    own = {name: value for name, value in meta.items() if not name.startswith(PREFIX)}
    theta = torch.cat([value.flatten() for value in own.values()])
    zero = torch.zeros(INNER.hidden, dtype=torch.float64)
    gate = torch.zeros(1, dtype=torch.float64)
    memories: list[Any] = [(zero, zero, gate, gate)] * len(theta)
    thetas = [theta]
    for _ in range(steps):
        leaf = theta.detach().requires_grad_()
        loss = one_loss(network, named(leaf, own), batch.support_x[e], batch.support_y[e])
        gradient = torch.autograd.grad(loss, leaf)[0]
        theta, memories = literal_step(meta, theta, gradient, float(loss.detach()), memories)
        thetas.append(theta)
    return thetas


@pytest.mark.parametrize("name", SETS)
def test_outer_gradient_is_that_of_a_literal_version(name: str) -> None:
    learner, network, meta, batch = make(name)

    gradient, metrics = learner.outer_gradient(meta, batch)

    leaves = {key: value.clone().requires_grad_() for key, value in meta.items()}
    own = {key: value for key, value in leaves.items() if not key.startswith(PREFIX)}
    losses = []
    for e in range(len(batch)):
        theta = literal_thetas(network, leaves, batch, e, INNER.steps)[-1]
        losses.append(one_loss(network, named(theta, own), batch.query_x[e], batch.query_y[e]))
    mean = torch.stack(losses).mean()
    expected = torch.autograd.grad(mean, list(leaves.values()))
    torch.testing.assert_close(metrics["query_loss"], mean.detach())
    torch.testing.assert_close(
        gradient, dict(zip(meta, expected, strict=True)), rtol=1e-7, atol=1e-9
    )


def test_outer_gradient_is_that_of_finite_differences_with_gradients_held() -> None:
    learner, _, meta, batch = make("mlp")
    learners = learner.learners(meta)
    held: list[tuple[Tensor, Tensor]] = []

    def query_loss(meta: Parameters, *, record: bool) -> float:
        with torch.no_grad():
            theta, memory = learner.begin(learners, meta, len(batch))
            for step in range(INNER.steps):
                if record:
                    found = learners.gradients(theta, batch.support_x, batch.support_y)
                    held.append(found[:2])
                theta, memory = learner.advance(meta, theta, memory, *held[step])
            return float(learners.gradients(theta, batch.query_x, batch.query_y)[0].mean())

    query_loss(meta, record=True)
    gradient, _ = learner.outer_gradient(meta, batch)

    for name, param in meta.items():
        place = tuple(size // 2 for size in param.shape)
        moved = []
        for sign in (1, -1):
            changed = param.clone()
            changed[place] += sign * 1e-6
            moved.append(query_loss({**meta, name: changed}, record=False))
        slope = (moved[0] - moved[1]) / 2e-6
        assert float(gradient[name][place]) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_it_begins_as_gradient_descent_that_keeps_almost_all() -> None:
    """With weights of zero the gates are their biases: theta <- keep theta - lr gradient."""
    learner, network, meta, batch = make("mlp")
    plain = learner.initial({k: v for k, v in meta.items() if not k.startswith(PREFIX)})
    for key in ("forget.weight", "input.weight"):
        plain[PREFIX + key] = torch.zeros_like(plain[PREFIX + key])

    thetas = literal_thetas(network, plain, batch, 0, 1)
    learners = learner.learners(plain)
    theta, memory = learner.begin(learners, plain, 2)
    losses, gradient, _ = learners.gradients(theta, batch.support_x, batch.support_y)
    moved, _ = learner.advance(plain, theta, memory, losses, gradient)

    torch.testing.assert_close(moved[0], 0.95 * theta[0] - 0.1 * gradient[0])
    torch.testing.assert_close(moved[0], thetas[1])
    recorded = learner.recorded(plain)
    assert recorded["gates/forget"] == pytest.approx(0.95)
    assert recorded["gates/input"] == pytest.approx(0.1)


def test_queries_at_test_are_normalised_by_averages_over_the_support_passes() -> None:
    """Native batch norm with running statistics: momentum None makes cumulative averages."""
    learner, network, meta, batch = make("conv4")
    own = {name: value for name, value in meta.items() if not name.startswith(PREFIX)}

    found = list(learner.adapter(3).predictions(meta, batch, [batch.query_x]))

    for e in range(len(batch)):
        thetas = literal_thetas(network, meta, batch, e, 3)
        literal = Conv4(1, 3, 3).double()
        literal.norms = nn.ModuleList(nn.BatchNorm2d(3, momentum=None).double() for _ in range(4))
        for step, theta in enumerate(thetas):
            for norm in literal.norms:
                norm.reset_running_stats()
            literal.train()
            for earlier in thetas[: max(1, step)]:
                torch.func.functional_call(literal, named(earlier, own), (batch.support_x[e],))
            # torch's running variance is the unbiased one, and the passes' own are not
            biased = biased_variances(literal, thetas[: max(1, step)], own, batch.support_x[e])
            for norm, variance in zip(literal.norms, biased, strict=True):
                norm.running_var.copy_(variance)
            literal.eval()
            out = torch.func.functional_call(literal, named(theta, own), (batch.query_x[e],))
            torch.testing.assert_close(found[step][0][e], out.detach())


def biased_variances(
    network: nn.Module, thetas: list[Tensor], own: Parameters, x: Tensor
) -> list[Tensor]:
    """The mean over passes of what each norm's input varies by."""
    seen: list[list[Tensor]] = [[] for _ in network.norms]
    hooks = [
        norm.register_forward_pre_hook(
            lambda _, args, place=place: seen[place].append(args[0].var((0, 2, 3), correction=0))
        )
        for place, norm in enumerate(network.norms)
    ]
    for theta in thetas:
        torch.func.functional_call(network, named(theta, own), (x,))
    for hook in hooks:
        hook.remove()
    return [torch.stack(found).mean(0).detach() for found in seen]


def test_the_protocol_says_how_batch_norm_is_at_test() -> None:
    assert make("conv4")[0].adapter(3).facts["batch_norm"] == "averages of the support set"
    assert make("mlp")[0].adapter(3).facts["batch_norm"] == "none"


@pytest.mark.parametrize("name", SETS)
def test_an_episode_is_answered_alike_whatever_stands_beside_it(name: str) -> None:
    learner, _, meta, batch = make(name)

    together = list(learner.adapter(2).predictions(meta, batch, [batch.query_x]))
    alone = list(learner.adapter(2).predictions(meta, batch.part(1, 2), [batch.part(1, 2).query_x]))

    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[0][1:], other[0])


def test_threads_change_no_bit_of_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.metalearning.algorithms.meta_lstm.PART_NUMBERS", 1)
    monkeypatch.setitem(SETS, "conv4", (SETS["conv4"][0], lambda: image_batch(9, side=17)))
    alone, _, meta, batch = make("conv4")
    shared, _, _, _ = make("conv4", Crew(3))

    first, second = alone.outer_gradient(meta, batch), shared.outer_gradient(meta, batch)

    assert all(torch.equal(first[0][name], second[0][name]) for name in meta)


def omniglot_spec(**changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": "meta_lstm",
            "episodes": {
                "source": "omniglot", "way": 3, "shot": 1, "query": 2, "train_characters": 14,
                "validation_characters": 4,
            },
            "network": {"kind": "conv4", "filters": 3},
            "inner": {"steps": 2, "hidden": 4, "lr": 0.1},
            "outer": {"steps": 12, "episodes_per_step": 2, "lr": 0.01},
            "evaluation": {"episodes": 6, "steps": 3, "every": 6, "episodes_during_training": 4},
            "log_every": 1,
            **changes,
        }
    )  # fmt: skip


def run(spec: specs.Spec, folder: Path, **options: Any) -> list[Report]:
    return list(train(spec, device="cpu", omniglot_dir=folder, cache_dir=folder, **options))


def test_training_repeats_and_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    write_archives(tmp_path)
    spec = omniglot_spec(checkpoint_every=5)
    whole, again = run(spec, tmp_path), run(spec, tmp_path)
    saved = next(report.checkpoint for report in whole if report.checkpoint)
    saved.save(tmp_path / "checkpoint.pt")

    rest = run(spec, tmp_path, resume=Checkpoint.load(tmp_path / "checkpoint.pt"))

    assert drop_system(whole) == drop_system(again)
    assert drop_system(rest[1:]) == drop_system([r for r in whole if r.step > 5])
    results = [reports[-1].evaluation for reports in (whole, rest)]
    assert results[0] is not None
    assert results[1] is not None
    assert np.array_equal(results[0].losses, results[1].losses)
    assert results[0].losses.shape == (6, 4)
    assert results[0].protocol["batch_norm"] == "averages of the support set"
    assert results[0].answers
    assert "gates/input" in whole[0].metrics


def test_paper_preset_holds_the_papers_numbers() -> None:
    """Ravi, Larochelle 2017, section 5.1."""
    [preset] = specs.presets("meta_lstm")
    spec = preset["spec"]

    assert spec["network"]["filters"] == 32
    assert (spec["inner"]["steps"], spec["inner"]["hidden"]) == (12, 20)
    assert (spec["outer"]["lr"], spec["outer"]["grad_clip"]) == (0.001, 0.25)
    assert spec["outer"]["episodes_per_step"] == 1
