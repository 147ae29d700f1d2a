"""An optimizer learned by gradient descent (Andrychowicz et al. 2016, arXiv:1606.04474), and the
hand-made one that stands in its place as a baseline.

The meta-loss of an unroll is the sum over its steps of f(theta_t) (equation 3, all weights 1). As
in the paper (figure 2) gradients of f are data to the optimizer: second derivatives of f are
dropped. With g_t = df/dtheta_t that leaves

    dL/dphi = sum_t g_t . dtheta_t/dphi,        theta_t = theta_{t-1} + step(g_{t-1}, memory; phi)

and g_t is what the optimizer reads next, so f is differentiated once a step. An unroll begins at
numbers and a memory that are cut from what was before, and ends in an outer update.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.metalearning.algorithms.base import Crew, Metrics, Sums
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters
from worker.metalearning.optimizing.functions import Function
from worker.metalearning.optimizing.opponents import hand_made_adapter
from worker.metalearning.optimizing.rules import Memory, Rule
from worker.metalearning.optimizing.trying import OptimizerAdapter
from worker.metalearning.specs import HandMadeSpec, LstmOptimizerSpec

PART_NUMBERS = 4000  # numbers optimized in one part of a batch: their memory stays in the cache


@dataclass
class Run:
    """Where the problems of a part stand."""

    part: EpisodeBatch
    theta: Tensor  # (E, P)
    gradient: Tensor  # (E, P), at theta
    memory: Memory
    losses: list[Tensor]  # (E,) each, from step 0 on


class LearnedOptimizer:
    """Meta-parameters are the rule's; a meta-step runs a batch of problems to the horizon."""

    def __init__(self, rule: Rule, function: Function, crew: Crew, spec: LstmOptimizerSpec) -> None:
        self.rule = rule
        self.function = function
        self.crew = crew
        self.horizon = spec.inner.steps
        self.unroll = spec.inner.unroll

    def initial(self, params: Parameters) -> Parameters:
        """The network's own."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing beside the losses."""
        return {}

    def adapter(self, steps: int, step_size: float | None = None) -> OptimizerAdapter:
        """As many steps; it has no rate to choose."""
        facts = {"way": None, "shot": None, "inner_lr": None, "adapts": True}
        return OptimizerAdapter(self.rule, steps, facts)

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Of the first unroll."""
        return next(self.outer_gradients(params, batch, step))

    def outer_gradients(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> Iterator[tuple[Parameters, Metrics]]:
        """One of each unroll, by the parameters as they are by then. Mean over problems;
        `query_loss` is the mean over the steps so far, `start_loss` before and `last_loss` after
        them."""
        runs = [self._begin(part) for part in self._parts(batch)]
        for first in range(0, self.horizon, self.unroll):
            last = min(first + self.unroll, self.horizon)
            total = Sums()
            for sums in self.crew.map(lambda run: self._sums(params, run, first, last), runs):  # noqa: B023
                total.add(sums)
            yield total.mean(len(batch))

    def _parts(self, batch: EpisodeBatch) -> Iterator[EpisodeBatch]:
        size = max(1, PART_NUMBERS // batch.latent.shape[1])
        for start in range(0, len(batch), size):
            yield batch.part(start, start + size)

    def _begin(self, part: EpisodeBatch) -> Run:
        theta = part.latent
        losses, gradient = self.function.gradients(theta, part, 0)
        return Run(part, theta, gradient, self.rule.begin(theta), [losses])

    def _sums(self, params: Parameters, run: Run, first: int, last: int) -> Sums:
        """The steps `first` to `last` of a run, and what they say of the parameters."""
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        moved = run.theta
        with torch.enable_grad():
            meta_loss = moved.new_zeros(())
            memory = run.memory
            for number in range(first, last):
                step, memory = self.rule.step(leaves, run.gradient, memory, number)
                moved = moved + step
                run.theta = moved.detach()
                losses, run.gradient = self.function.gradients(run.theta, run.part, number + 1)
                run.losses.append(losses)
                meta_loss = meta_loss + (run.gradient * moved).sum()
            found = torch.autograd.grad(meta_loss, list(leaves.values()))
        run.memory = tuple(one.detach() for one in memory)
        sums = Sums()
        sums.add_gradient(
            {name: value.unsqueeze(0) for name, value in zip(params, found, strict=True)}
        )
        sums.add_metrics(
            query_loss=torch.stack(run.losses[1:]).mean(0),
            start_loss=run.losses[0],
            last_loss=run.losses[-1],
        )
        return sums


class HandMade:
    """A hand-made rule: nothing is learned but its rate, which is tuned before the test."""

    def __init__(self, spec: HandMadeSpec) -> None:
        self.spec = spec

    def initial(self, params: Parameters) -> Parameters:
        """None."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing."""
        return {}

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """None (its spec has no outer loop, so none is asked for)."""
        return {}, {}

    def adapter(self, steps: int, step_size: float | None = None) -> OptimizerAdapter:
        """As many steps at a rate; the first of those to try until one is chosen."""
        tuning = self.spec.fine_tuning
        return hand_made_adapter(
            self.spec.network,
            step_size or tuning.step_sizes[0],
            steps=steps,
            tuned_for=tuning.steps,
        )
