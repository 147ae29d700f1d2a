"""How meta-parameters answer an episode at test: what evaluations ask of every family alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from worker.metalearning.adaptation import Formulation, adapt, repeated
from worker.metalearning.episodes import EpisodeBatch, TaskDistribution
from worker.metalearning.networks import Parameters


class Adapter(Protocol):
    """Learns from support sets and answers, before and after each of its inner steps."""

    @property
    def steps(self) -> int:
        """Inner steps made; there are as many answers, and one before the first step."""
        ...

    @property
    def facts(self) -> dict[str, Any]:
        """What a protocol says of it: `inner_lr`, `adapts`."""
        ...

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """For inner steps 0 to `steps`: outputs `(E, M, outputs)` of each of `inputs`
        `(E, M, *input)`, learned from the batch's support sets alone."""
        ...


@runtime_checkable
class Scoring(Protocol):
    """An adapter that knows its own losses, where there are no outputs to judge."""

    def results(
        self, params: Parameters, batch: EpisodeBatch, distribution: TaskDistribution
    ) -> tuple[Tensor, Tensor | None]:
        """Losses, and accuracies if there are any: `(E, steps + 1)` float64 each, of episodes of
        that distribution."""
        ...


@dataclass(frozen=True)
class GradientAdapter:
    """Gradient descent on the support set. `adapts=False` is the oracle: all steps are step 0."""

    formulation: Formulation
    lr: float
    steps: int
    adapts: bool = True

    @property
    def facts(self) -> dict[str, Any]:
        """See Adapter."""
        return {"inner_lr": self.lr, "adapts": self.adapts}

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """See Adapter."""
        adapted = repeated(params, len(batch))
        for step in range(self.steps + 1):
            if step and self.adapts:
                adapted = adapt(
                    self.formulation, adapted, batch.support_x, batch.support_y,
                    lr=self.lr, steps=1, second_order=False,
                ).params  # fmt: skip
            yield [self.formulation.outputs(adapted, x) for x in inputs]
