"""Training of metric learners: plain gradients of their own loss, episode by episode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from worker.metalearning.algorithms.base import Crew, Metrics, Sums
from worker.metalearning.calling import Functional
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.metric.learners import MetricLearner
from worker.metalearning.networks import Parameters


@dataclass(frozen=True)
class MetricAdapter:
    """A metric learner as evaluations use it: it makes no steps, and answers once."""

    call: Functional
    steps: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """See Adapter: the support set is used, and no rate."""
        return {"inner_lr": None, "adapts": True}

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """See Adapter."""
        with torch.no_grad():
            yield [self.call(params, batch.support_x, batch.support_y, x) for x in inputs]


class MetricLearning:
    """Meta-parameters are those of the encoder and of the head."""

    def __init__(self, learner: MetricLearner, crew: Crew) -> None:
        self.learner = learner
        self.crew = crew
        self._call = Functional(learner)

    def initial(self, params: Parameters) -> Parameters:
        """The learner's own."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing beside the losses."""
        return {}

    def adapter(self, steps: int, step_size: float | None = None) -> MetricAdapter:
        """No steps, however many are asked for."""
        return MetricAdapter(self._call)

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes. `query_loss` is the cross-entropy, `learner_loss` what is descended
        along, where a paper takes another."""
        return self.crew.mean(batch, lambda part: self._sums(params, part))

    def _sums(self, params: Parameters, part: EpisodeBatch) -> Sums:
        sums = Sums()
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        with torch.enable_grad():
            scores = self._call(leaves, part.support_x, part.support_y, part.query_x)
            losses = self.learner.losses(scores, part.query_y)
            found = torch.autograd.grad(losses.sum(), list(leaves.values()))
        sums.add_gradient(
            {name: value.unsqueeze(0) for name, value in zip(params, found, strict=True)}
        )
        entropy = MetricLearner.losses(self.learner, scores.detach(), part.query_y)
        sums.add_metrics(query_loss=entropy)
        if type(self.learner).losses is not MetricLearner.losses:
            sums.add_metrics(learner_loss=losses.detach())
        sums.add_accuracy(scores.detach(), part.query_y)
        return sums
