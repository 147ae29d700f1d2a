"""The meta-learner LSTM (Ravi, Larochelle 2017, "Optimization as a Model for Few-Shot Learning").

An LSTM whose cell state is the learner's parameters theta (section 3.2, equations 1 and 2):

    theta_t = f_t * theta_{t-1} + i_t * (-grad_t)
    i_t = sigmoid(W_I . [h_t, theta_{t-1}, i_{t-1}] + b_I)
    f_t = sigmoid(W_F . [h_t, theta_{t-1}, f_{t-1}] + b_F)

with h_t from a plain LSTM below (section 5.1) that reads each parameter's gradient and the loss,
preprocessed as by Andrychowicz et al. 2016. All parameters have the same weights, each its own
memory; theta_0, the initial cell state, is learned. Gradients and losses are data to the
meta-learner (section 3.3: "gradient independence assumption").

Batch norm (section 3.5): in meta-training support and query set each have their own statistics. At
test the query set is normalised by the averages over the support passes of its episode so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from worker.metalearning.adaptation import Formulation
from worker.metalearning.algorithms.base import Crew, Metrics, Sums
from worker.metalearning.calling import Functional
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters
from worker.metalearning.optimizing.averaged_norms import AveragedNorms, Statistics
from worker.metalearning.optimizing.gates import Memory, build_gates
from worker.metalearning.specs import MetaLstmInner

PREFIX = "meta_lstm/"
PART_NUMBERS = 40_000  # parameters of the learners of one part of a batch


class Learners:
    """The learners of several episodes, as rows of one table."""

    def __init__(self, formulation: Formulation, params: Parameters) -> None:
        self.formulation = formulation
        self._shapes = {name: param.shape for name, param in params.items()}
        self._sizes = [param.numel() for param in params.values()]
        self.size = sum(self._sizes)

    def flat(self, params: Parameters, dims: int) -> Tensor:
        """`(*lead, *shape)` each to `(*lead, n)`, where `lead` has so many dimensions."""
        return torch.cat([params[name].flatten(dims) for name in self._shapes], -1)

    def named(self, theta: Tensor) -> Parameters:
        """`(E, n)` to `(E, *shape)` each."""
        pieces = torch.split(theta, self._sizes, 1)
        pairs = zip(self._shapes.items(), pieces, strict=True)
        return {name: piece.view(len(theta), *shape) for (name, shape), piece in pairs}

    def gradients(self, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Losses `(E,)`, gradients `(E, n)` and outputs of a set."""
        found = self.formulation.gradients(self.named(theta.detach()), x, y, second_order=False)
        return found.losses, self.flat(found.gradients, 1), found.outputs


class MetaLstm:
    """Meta-parameters are the network's own, as theta_0, and those of the gates."""

    def __init__(
        self, formulation: Formulation, crew: Crew, inner: MetaLstmInner, seed: int
    ) -> None:
        self.formulation = formulation
        self.crew = crew
        self.steps = inner.steps
        self._gates = build_gates(inner, seed)
        self._call = Functional(self._gates)

    def initial(self, params: Parameters) -> Parameters:
        """The network's, and the gates' under "meta_lstm/"."""
        like = next(iter(params.values()))
        gates = {
            PREFIX + name: param.detach().clone().to(like)
            for name, param in self._gates.named_parameters()
        }
        return {**params, **gates}

    def recorded(self, params: Parameters) -> dict[str, float]:
        """What the biases make of the gates, by themselves."""
        return {
            f"gates/{gate}": float(params[f"{PREFIX}{gate}.bias"].sigmoid())
            for gate in ("forget", "input")
        }

    def adapter(self, steps: int, step_size: float | None = None) -> MetaLstmAdapter:
        """As many steps; the gates choose their size."""
        return MetaLstmAdapter(self, AveragedNorms(self.formulation.network), steps)

    def learners(self, params: Parameters) -> Learners:
        """Tables of the network's parameters."""
        own = {name: param for name, param in params.items() if not name.startswith(PREFIX)}
        return Learners(self.formulation, own)

    def advance(
        self, params: Parameters, theta: Tensor, memory: Memory, losses: Tensor, gradient: Tensor
    ) -> tuple[Tensor, Memory]:
        """One step of all learners, `(E, n)`."""
        gates = {
            name.removeprefix(PREFIX): param
            for name, param in params.items()
            if name.startswith(PREFIX)
        }
        seen = losses.unsqueeze(1).expand_as(gradient).flatten()
        moved, memory = self._call(gates, theta.flatten(), gradient.flatten(), seen, memory)
        return moved.view_as(theta), memory

    def begin(self, learners: Learners, params: Parameters, episodes: int) -> tuple[Tensor, Memory]:
        """theta_0 of every episode and an empty memory."""
        theta = learners.flat(params, 0).expand(episodes, -1)
        return theta, self._gates.begin(theta)

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes; `support_loss` is before the first step, `query_loss` after all."""
        learners = self.learners(params)
        size = max(1, PART_NUMBERS // learners.size)
        parts = [batch.part(first, first + size) for first in range(0, len(batch), size)]
        total = Sums()
        for sums in self.crew.map(lambda part: self._sums(params, part), parts):
            total.add(sums)
        return total.mean(len(batch))

    def _sums(self, params: Parameters, part: EpisodeBatch) -> Sums:
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        learners, supports = self.learners(params), []
        with torch.enable_grad():
            theta, memory = self.begin(learners, leaves, len(part))
            for _ in range(self.steps):
                losses, gradient, _ = learners.gradients(theta, part.support_x, part.support_y)
                supports.append(losses)
                # What a step computes is computed again on the way back: kept is what it begins at.
                theta, memory = checkpoint(
                    self.advance, leaves, theta, memory, losses, gradient,
                    use_reentrant=False, preserve_rng_state=False,
                )  # fmt: skip
            losses, gradient, outputs = learners.gradients(theta, part.query_x, part.query_y)
            found = torch.autograd.grad((gradient * theta).sum(), list(leaves.values()))
        sums = Sums()
        sums.add_gradient(
            {name: value.unsqueeze(0) for name, value in zip(params, found, strict=True)}
        )
        sums.add_metrics(query_loss=losses, support_loss=supports[0])
        sums.add_accuracy(outputs, part.query_y)
        return sums


@dataclass(frozen=True)
class MetaLstmAdapter:
    """The meta-learner as evaluations use it."""

    learner: MetaLstm
    norms: AveragedNorms
    steps: int

    @property
    def facts(self) -> dict[str, Any]:
        """See Adapter."""
        mode = "averages of the support set" if self.norms.names else "none"
        return {"inner_lr": None, "adapts": True, "batch_norm": mode}

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """See Adapter. Before the first step the statistics are those of the pass it begins with;
        steps beyond those trained go on alike."""
        learners = self.learner.learners(params)
        passes: list[Statistics] = []
        with torch.no_grad():
            theta, memory = self.learner.begin(learners, params, len(batch))
            for step in range(self.steps + 1):
                if step:
                    losses, gradient, _ = learners.gradients(
                        theta, batch.support_x, batch.support_y
                    )
                    theta, memory = self.learner.advance(params, theta, memory, losses, gradient)
                named = learners.named(theta)
                own = self.norms.of(named, batch.support_x)
                averages = self.norms.averages(passes or [own])
                yield [self.norms.outputs(named, averages, x) for x in inputs]
                passes.append(own)
