"""An optimizer tried on problems: the loss before its first step and after each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from worker.metalearning.distributions.problems import DigitsProblems, QuadraticProblems
from worker.metalearning.episodes import EpisodeBatch, TaskDistribution
from worker.metalearning.networks import Parameters
from worker.metalearning.optimizing.rules import Rule


@dataclass(frozen=True)
class OptimizerAdapter:
    """A rule as evaluations use it. It answers nothing: a problem has its own loss."""

    rule: Rule
    steps: int
    facts: dict[str, Any] = field(default_factory=dict)
    scores_last_only: bool = False

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """See Adapter: none."""
        yield from ()

    def results(
        self, params: Parameters, batch: EpisodeBatch, distribution: TaskDistribution
    ) -> tuple[Tensor, None]:
        """See Scoring: losses `(E, steps + 1)`, or the last ones `(E, 1)`."""
        assert isinstance(distribution, QuadraticProblems | DigitsProblems)
        function = distribution.function
        found: list[Tensor] = []
        theta = batch.latent
        memory = self.rule.begin(theta)
        with torch.no_grad():
            for number in range(self.steps + 1):
                if number == self.steps or not self.scores_last_only:
                    found.append(function.losses(theta, batch).double())
                if number < self.steps:
                    gradient = function.gradients(theta, batch, number)[1]
                    step, memory = self.rule.step(params, gradient, memory, number)
                    theta = theta + step
        return torch.stack(found, 1), None
