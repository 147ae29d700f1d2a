"""The inner loop, for all episodes of a batch at once, and the derivative of it.

Formulations give the same numbers. `Batched` is for networks with `forward_episodes`: plain
reverse-mode autograd over parameters that carry an episode axis; the sum over episodes separates,
so its gradient is every episode's own. Those of `tracing.formulation` are for any nn.Module.

Second order is a recursion, not one deep graph. With phi_0 = theta and
phi_{s+1} = phi_s - lr g(phi_s), the chain rule gives, from v_S = dL_query/dphi_S,

    v_s = v_{s+1} - lr H(phi_s) v_{s+1},        dL_query/dtheta = v_0

(Finn et al. 2017, section 5.2, "Hessian-vector products"). H is symmetric, so each product is the
pullback of v through the gradient of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from worker.metalearning.episodes import Objective
from worker.metalearning.networks import EpisodeBatched, Parameters

Pullback = Callable[[Parameters], Parameters]


@dataclass(frozen=True)
class Gradients:
    """Losses of a set, their gradients, and the gradients' own derivative."""

    losses: Tensor  # (E,)
    outputs: Tensor  # (E, M, outputs)
    gradients: Parameters  # (E, *shape) each
    pullback: Pullback | None  # v -> H v, when second order was asked for


class Formulation(Protocol):
    """How a network is evaluated and differentiated for many episodes at once."""

    @property
    def network(self) -> nn.Module: ...

    def at_test(self) -> Formulation:
        """The one that evaluations use: without dropout."""
        ...

    def outputs(self, params: Parameters, x: Tensor) -> Tensor:
        """Outputs `(E, M, outputs)` of x `(E, M, *input)`, without a graph."""
        ...

    def gradients(
        self, params: Parameters, x: Tensor, y: Tensor, *, second_order: bool,
        wrt: Collection[str] | None = None,
    ) -> Gradients:  # fmt: skip
        """Loss and gradient of every episode, by all parameters or those of `wrt` only. The
        pullback of second order takes vectors of these to products for all parameters."""
        ...


def losses_of(outputs: Tensor, y: Tensor, objective: Objective) -> Tensor:
    """Mean loss over the set's examples: outputs `(..., M, outputs)` to `(...,)`."""
    if objective == "mse":
        return (outputs - y).square().mean((-2, -1))
    losses = -outputs.log_softmax(-1).gather(-1, y.unsqueeze(-1))
    return losses.mean((-2, -1))


def accuracies_of(outputs: Tensor, y: Tensor) -> Tensor:
    """Share of examples whose largest output is their class: `(..., M, N)` to `(...,)`."""
    return (outputs.argmax(-1) == y).double().mean(-1)


class Batched:
    """Plain autograd over `forward_episodes`."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        assert isinstance(network, EpisodeBatched)
        self.network: nn.Module = network
        self.objective = objective
        self._forward = network.forward_episodes

    def at_test(self) -> Batched:
        """See Formulation; networks of this kind drop nothing."""
        return self

    def outputs(self, params: Parameters, x: Tensor) -> Tensor:
        """See Formulation."""
        with torch.no_grad():
            return self._forward(params, x)

    def gradients(
        self, params: Parameters, x: Tensor, y: Tensor, *, second_order: bool,
        wrt: Collection[str] | None = None,
    ) -> Gradients:  # fmt: skip
        """See Formulation; the graph of the gradient is kept only for the pullback."""
        names = list(params if wrt is None else wrt)
        needed = params if second_order else names
        leaves = {
            name: param.detach().requires_grad_() if name in needed else param.detach()
            for name, param in params.items()
        }
        with torch.enable_grad():
            outputs = self._forward(leaves, x)
            losses = losses_of(outputs, y, self.objective)
            found = torch.autograd.grad(
                losses.sum(), [leaves[name] for name in names], create_graph=second_order,
                materialize_grads=True,
            )  # fmt: skip

        def pullback(vector: Parameters) -> Parameters:
            # A gradient that does not depend on the parameters (a linear loss) has no graph.
            pairs = [
                (gradient, vector[name])
                for name, gradient in zip(names, found, strict=True)
                if gradient.requires_grad
            ]
            if not pairs:
                return {name: torch.zeros_like(param) for name, param in params.items()}
            products = torch.autograd.grad(
                [gradient for gradient, _ in pairs], list(leaves.values()), [v for _, v in pairs],
                materialize_grads=True,
            )  # fmt: skip
            return dict(zip(params, products, strict=True))

        return Gradients(
            losses.detach(),
            outputs.detach(),
            {name: gradient.detach() for name, gradient in zip(names, found, strict=True)},
            pullback if second_order else None,
        )


@dataclass(frozen=True)
class Adaptation:
    """Adapted parameters, and the inner steps that led there."""

    params: Parameters  # (E, *shape) each
    steps: tuple[Gradients, ...]


def repeated(params: Parameters, episodes: int) -> Parameters:
    """The same parameters for every episode: `(*shape)` to `(E, *shape)`, without a copy."""
    return {name: param.expand(episodes, *param.shape) for name, param in params.items()}


def adapt(
    formulation: Formulation, params: Parameters, x: Tensor, y: Tensor, *,
    lr: float, steps: int, second_order: bool,
) -> Adaptation:  # fmt: skip
    """Gradient descent on every episode's support set (Finn et al. 2017, Algorithm 1, line 6)."""
    taken = []
    for _ in range(steps):
        step = formulation.gradients(params, x, y, second_order=second_order)
        params = {name: torch.sub(p, step.gradients[name], alpha=lr) for name, p in params.items()}
        taken.append(step)
    return Adaptation(params, tuple(taken))


def pulled_back(vector: Parameters, adaptation: Adaptation, lr: float) -> Parameters:
    """d(vector . phi_S)/dtheta by the recursion of this module's docstring."""
    for step in reversed(adaptation.steps):
        assert step.pullback is not None, "adapt with second_order=True"
        product = step.pullback(vector)
        vector = {name: torch.sub(v, product[name], alpha=lr) for name, v in vector.items()}
    return vector
