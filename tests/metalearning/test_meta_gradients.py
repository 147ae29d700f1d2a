"""Outer gradients against two references computed another way: finite differences and a loop."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.metalearning.building import (
    OwnNetwork,
    double_parameters,
    image_batch,
    one_loss,
    regression_batch,
)
from worker.metalearning.adaptation import Batched, Formulation, losses_of
from worker.metalearning.algorithms.base import Algorithm, Crew
from worker.metalearning.algorithms.maml import Maml
from worker.metalearning.algorithms.pooled import Pooled
from worker.metalearning.algorithms.reptile import Reptile
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Conv4, Mlp, Parameters
from worker.metalearning.tracing.formulation import Routed, Traced

LR = 0.1


def make_network(name: str) -> tuple[nn.Module, EpisodeBatch]:
    torch.manual_seed(3)
    if name == "mlp":
        return Mlp(1, (6, 5), 1), regression_batch()
    if name == "own":
        return OwnNetwork(), regression_batch()
    return Conv4(1, 4, 3), image_batch()


def make_formulation(kind: str, network: nn.Module, batch: EpisodeBatch) -> Formulation:
    objective = "mse" if batch.query_y.is_floating_point() else "cross_entropy"
    if kind == "batched":
        assert isinstance(network, (Mlp, Conv4))
        return Batched(network, objective)  # type: ignore[arg-type]
    kinds = {"routed": Routed, "traced": Traced}
    return kinds[kind](network, partial(losses_of, objective=objective))  # type: ignore[arg-type]


def make_algorithm(
    name: str, formulation: Formulation, steps: int, crew: Crew | None = None
) -> Algorithm:
    crew = crew or Crew()
    if name == "reptile":
        return Reptile(formulation, crew, lr=LR, steps=steps)
    return Maml(formulation, crew, lr=LR, steps=steps, second_order=name == "maml")


def loop_gradient(
    name: str, network: nn.Module, params: Parameters, batch: EpisodeBatch, steps: int
) -> Parameters:
    """One episode at a time, plain autograd through the network's own forward."""
    total = {key: torch.zeros_like(param) for key, param in params.items()}
    for e in range(len(batch)):
        theta = {key: param.clone().requires_grad_() for key, param in params.items()}
        phi = theta
        for _ in range(steps):
            loss = one_loss(network, phi, batch.support_x[e], batch.support_y[e])
            grads = torch.autograd.grad(loss, tuple(phi.values()), create_graph=name == "maml")
            phi = {key: p - LR * g for (key, p), g in zip(phi.items(), grads, strict=True)}
        if name == "reptile":
            found = [(theta[key] - phi[key]).detach() / LR for key in params]
        else:
            loss = one_loss(network, phi, batch.query_x[e], batch.query_y[e])
            wanted = theta if name == "maml" else phi
            found = list(torch.autograd.grad(loss, tuple(wanted.values())))
        for key, gradient in zip(params, found, strict=True):
            total[key] += gradient / len(batch)
    return total


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("algorithm", ["maml", "fomaml", "reptile"])
@pytest.mark.parametrize(
    ("network_name", "kind"),
    [("mlp", "batched"), ("mlp", "routed"), ("conv4", "batched"), ("conv4", "routed"),
     ("own", "routed"), ("mlp", "traced"), ("conv4", "traced"), ("own", "traced")],
)  # fmt: skip
def test_outer_gradient_equals_a_loop_over_episodes(
    network_name: str, kind: str, algorithm: str, steps: int
) -> None:
    network, batch = make_network(network_name)
    params = double_parameters(network)
    subject = make_algorithm(algorithm, make_formulation(kind, network, batch), steps)

    gradient, metrics = subject.outer_gradient(params, batch)

    expected = loop_gradient(algorithm, network, params, batch, steps)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-11)
    assert all(value.ndim == 0 for value in metrics.values())


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(("network_name", "kind"), [("mlp", "batched"), ("conv4", "batched"),
                                                    ("own", "routed")])  # fmt: skip
def test_maml_gradient_equals_finite_differences(network_name: str, kind: str, steps: int) -> None:
    network, batch = make_network(network_name)
    params = double_parameters(network)
    subject = make_algorithm("maml", make_formulation(kind, network, batch), steps)
    numbers = torch.Generator().manual_seed(5)
    direction = {
        key: torch.randn(p.shape, generator=numbers, dtype=p.dtype) for key, p in params.items()
    }

    gradient, _ = subject.outer_gradient(params, batch)

    along = sum((gradient[key] * direction[key]).sum() for key in params)
    width = 1e-6
    ahead, behind = (
        subject.outer_gradient(
            {key: p + sign * width * direction[key] for key, p in params.items()}, batch
        )[1]["query_loss"]
        for sign in (1, -1)
    )
    torch.testing.assert_close(along, (ahead - behind) / (2 * width), rtol=1e-5, atol=1e-7)


def test_second_order_differs_from_first_order() -> None:
    network, batch = make_network("conv4")
    params = double_parameters(network)
    formulation = make_formulation("batched", network, batch)

    second, _ = make_algorithm("maml", formulation, 1).outer_gradient(params, batch)
    first, _ = make_algorithm("fomaml", formulation, 1).outer_gradient(params, batch)

    change = (second["head.weight"] - first["head.weight"]).norm() / second["head.weight"].norm()
    assert change > 0.01


class LinearNetwork(nn.Module):
    """Outputs whose squared error is linear in w: sqrt(c + w x) against a target of zero."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.3, -0.2]).double())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (5 + (x * self.w).sum(-1, keepdim=True)).sqrt()


def test_first_order_equals_second_order_on_a_linear_loss() -> None:
    network = LinearNetwork()
    params = {"w": network.w.detach()}
    numbers = torch.Generator().manual_seed(1)
    x = torch.rand(2, 3, 2, generator=numbers, dtype=torch.float64)
    zero = torch.zeros(2, 3, 1, dtype=torch.float64)
    batch = EpisodeBatch(x, zero, x + 0.1, zero, torch.empty(2, 0))
    formulation = Routed(network, F.mse_loss)

    second, _ = make_algorithm("maml", formulation, 2).outer_gradient(params, batch)
    first, _ = make_algorithm("fomaml", formulation, 2).outer_gradient(params, batch)

    torch.testing.assert_close(second, first, rtol=1e-10, atol=1e-12)


class ConstantGradient:
    """A batched network with that property exactly: the pullback meets no graph at all."""

    def forward_episodes(self, params: Parameters, x: torch.Tensor) -> torch.Tensor:
        return x * params["w"].unsqueeze(1)


def test_gradient_without_a_graph_pulls_back_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "worker.metalearning.adaptation.losses_of",
        lambda outputs, y, objective: outputs.sum((1, 2)),
    )
    formulation = Batched(ConstantGradient(), "mse")
    params = {"w": torch.ones(2, 1)}
    x = torch.ones(2, 3, 1)

    found = formulation.gradients(params, x, x, second_order=True)

    assert found.pullback is not None
    torch.testing.assert_close(found.pullback({"w": torch.ones(2, 1)}), {"w": torch.zeros(2, 1)})


def test_hand_worked_scalar_maml_step() -> None:
    """y = w x, one support and one query point: d/dw (w' xq - yq)^2 = 2 e_q xq (1 - 2 lr xs^2)."""
    network = nn.Linear(1, 1, bias=False).double()
    params = {"weight": torch.tensor([[0.5]], dtype=torch.float64)}
    point = [
        torch.tensor(value, dtype=torch.float64).view(1, 1, 1) for value in (2.0, 3.0, 1.5, 1.0)
    ]
    batch = EpisodeBatch(*point, torch.empty(1, 0))

    gradient, metrics = make_algorithm("maml", Routed(network, F.mse_loss), 1).outer_gradient(
        params, batch
    )

    adapted = 0.5 - LR * 2 * (0.5 * 2 - 3) * 2
    error = adapted * 1.5 - 1.0
    assert float(metrics["query_loss"]) == pytest.approx(error**2)
    assert float(gradient["weight"]) == pytest.approx(2 * error * 1.5 * (1 - 2 * LR * 4))


def test_pooled_gradient_is_that_of_all_points_together() -> None:
    network, batch = make_network("mlp")
    params = double_parameters(network)

    gradient, _ = Pooled(make_formulation("batched", network, batch)).outer_gradient(params, batch)

    leaves = {key: param.clone().requires_grad_() for key, param in params.items()}
    x = torch.cat([batch.support_x, batch.query_x], 1).reshape(-1, 1)
    y = torch.cat([batch.support_y, batch.query_y], 1).reshape(-1, 1)
    expected = torch.autograd.grad(one_loss(network, leaves, x, y), tuple(leaves.values()))
    torch.testing.assert_close(tuple(gradient.values()), expected, rtol=1e-9, atol=1e-12)


def test_part_size_does_not_change_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    network, batch = make_network("conv4")
    params = double_parameters(network)
    subject = make_algorithm("maml", make_formulation("batched", network, batch), 1)
    whole, _ = subject.outer_gradient(params, batch)

    monkeypatch.setattr("worker.metalearning.algorithms.base.PART_ELEMENTS", 1)
    single, _ = subject.outer_gradient(params, batch)

    torch.testing.assert_close(single, whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("network_name", "kind"), [("conv4", "batched"), ("own", "routed")])
@pytest.mark.parametrize("name", ["maml", "fomaml", "reptile"])
def test_threads_change_no_bit_of_the_gradient(
    name: str, network_name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.metalearning.algorithms.base.PART_ELEMENTS", 1)
    network, _ = make_network(network_name)
    batch = image_batch(24) if network_name == "conv4" else regression_batch(24)
    params = double_parameters(network)
    formulation = make_formulation(kind, network, batch)
    alone = make_algorithm(name, formulation, 2).outer_gradient(params, batch)

    shared = make_algorithm(name, formulation, 2, Crew(3)).outer_gradient(params, batch)

    torch.testing.assert_close(shared, alone, rtol=0, atol=0)
