"""Inner loops with more than one number to say how they go: which parameters they change, rates
that are learned, and parameters of a step's own.

The meta-parameters of such a loop are the network's under their names and, beside them,

    inner_lr/NAME    the rate of the network's parameter NAME: of its shape (Li et al. 2017,
                     Meta-SGD, equation 2), or one number for each inner step, `(S,)` (Antoniou et
                     al. 2019, MAML++, section 4, LSLR)
    step/NAME        the parameter NAME of each inner step, `(S, *shape)`, which no step changes
                     (the same, BNWB: weights and biases of batch norm)

Steps beyond the last that was trained go on with the rates and the parameters of the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from worker.metalearning.adaptation import Formulation, Gradients, repeated
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters

RATE = "inner_lr/"
OWN = "step/"
Rates = Literal["fixed", "elementwise", "per_step"]


@dataclass(frozen=True)
class InnerLoop:
    """phi_{s+1} = phi_s - rate * dL_support/dphi_s, by the parameters that are adapted."""

    formulation: Formulation
    lr: float  # where rates begin, and stay if they are fixed
    steps: int  # S, in meta-training
    rates: Rates = "fixed"
    adapted: tuple[str, ...] | None = None  # None: all of the network's
    own: tuple[str, ...] = ()  # parameters that each step has its own of

    def initial(self, params: Parameters) -> Parameters:
        """The meta-parameters to begin with: every rate at `lr`, every step with the same."""
        meta = {name: param for name, param in params.items() if name not in self.own}
        for name in self.own:
            meta[OWN + name] = params[name].expand(self.steps, *params[name].shape).clone()
        for name in self._adapted(meta):
            if self.rates == "elementwise":
                meta[RATE + name] = torch.full_like(params[name], self.lr)
            elif self.rates == "per_step":
                meta[RATE + name] = params[name].new_full((self.steps,), self.lr)
        return meta

    def _adapted(self, meta: Parameters) -> list[str]:
        names = [name for name in meta if not name.startswith((RATE, OWN))]
        return names if self.adapted is None else [name for name in names if name in self.adapted]

    def rate(self, meta: Parameters, name: str, step: int) -> Tensor | float:
        """What the gradient by a parameter is multiplied with at an inner step."""
        if self.rates == "fixed":
            return self.lr
        rate = meta[RATE + name]
        return rate if self.rates == "elementwise" else rate[min(step, self.steps - 1)]

    def begin(self, meta: Parameters, episodes: int) -> Parameters:
        """phi_0 of every episode: the network's parameters `(E, *shape)`, those of step 0 in it."""
        network = {name: param for name, param in meta.items() if not name.startswith((RATE, OWN))}
        return self.at_step(meta, repeated(network, episodes), 0, episodes)

    def at_step(self, meta: Parameters, phi: Parameters, step: int, episodes: int) -> Parameters:
        """phi with the parameters of that step's own."""
        place = min(step, self.steps - 1)
        own = {name: meta[OWN + name][place] for name in self.own}
        return {**phi, **repeated(own, episodes)}

    def advance(
        self, meta: Parameters, phi: Parameters, batch: EpisodeBatch, step: int, *,
        second_order: bool,
    ) -> tuple[Parameters, Gradients]:  # fmt: skip
        """The inner step number `step` on the support set; `phi` as `at_step` of it gives."""
        names = self._adapted(meta)
        found = self.formulation.gradients(
            phi, batch.support_x, batch.support_y, second_order=second_order, wrt=names
        )
        moved = {
            name: phi[name] - self.rate(meta, name, step) * found.gradients[name] for name in names
        }
        return {**phi, **moved}, found


@dataclass(frozen=True)
class LoopAdapter:
    """An inner loop as evaluations use it."""

    loop: InnerLoop
    steps: int

    @property
    def facts(self) -> dict[str, Any]:
        """See Adapter; learned rates are no one number."""
        return {"inner_lr": self.loop.lr if self.loop.rates == "fixed" else None, "adapts": True}

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """See Adapter. What follows a step is answered with that step's own parameters."""
        phi = self.loop.begin(params, len(batch))
        for step in range(self.steps + 1):
            if step:
                phi = self.loop.at_step(params, phi, step - 1, len(batch))
                phi, _ = self.loop.advance(params, phi, batch, step - 1, second_order=False)
            yield [self.loop.formulation.outputs(phi, x) for x in inputs]


class Backward:
    """The derivative of query losses along an inner loop, by all of its meta-parameters.

    With u = rate * v on the adapted parameters and v behind step s, the chain rule gives in front
    of it v - (d^2 L_support / dphi_s dphi_s)^T u, the rates of the step get -v * dL_support/dphi_s,
    and what v says of a step's own parameters stays with that step. First order takes the second
    derivative as zero.
    """

    def __init__(self, loop: InnerLoop, meta: Parameters, episodes: int) -> None:
        self.loop = loop
        self.meta = meta
        self.v: Parameters = {}
        self.gradient = {
            name: param.new_zeros(episodes, *param.shape)
            for name, param in meta.items()
            if name.startswith((RATE, OWN))
        }

    def add(self, gradient: Parameters, weight: float, step: int) -> None:
        """A query loss after `step` inner steps, with the gradient by the parameters there."""
        self._collect({name: weight * value for name, value in gradient.items()}, max(step - 1, 0))

    def _collect(self, vector: Parameters, step: int) -> None:
        for name, value in vector.items():
            if name in self.loop.own:
                self.gradient[OWN + name][:, step] += value
            else:
                self.v[name] = self.v[name] + value if name in self.v else value

    def through(self, found: Gradients, step: int) -> None:
        """Past the inner step number `step`, whose gradients these are."""
        self._rates(found, step)
        if found.pullback is None:
            return
        vector = {
            name: self.loop.rate(self.meta, name, step) * self.v[name] for name in found.gradients
        }
        products = found.pullback(vector)
        self._collect({name: -product for name, product in products.items()}, step)

    def _rates(self, found: Gradients, step: int) -> None:
        if self.loop.rates == "fixed":
            return
        for name, gradient in found.gradients.items():
            along = -self.v[name] * gradient
            if self.loop.rates == "elementwise":
                self.gradient[RATE + name] += along
            else:
                self.gradient[RATE + name][:, step] += along.flatten(1).sum(1)

    def total(self) -> Parameters:
        """The gradient of every episode by every meta-parameter, `(E, *shape)` each."""
        return {name: self.gradient.get(name, self.v.get(name)) for name in self.meta}  # type: ignore[misc]
