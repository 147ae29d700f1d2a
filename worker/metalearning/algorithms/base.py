"""What the training loop needs of an algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from worker.metalearning.adaptation import accuracies_of
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters

Metrics = dict[str, Tensor]  # scalar tensors; the loop turns the recorded ones into floats


class Algorithm(Protocol):
    """A rule for changing meta-parameters after a batch of episodes."""

    def outer_gradient(self, params: Parameters, batch: EpisodeBatch) -> tuple[Parameters, Metrics]:
        """What the outer optimizer shall descend along (shapes of params), and what to record."""
        ...


def parts(batch: EpisodeBatch) -> Iterator[EpisodeBatch]:
    """The batch in parts whose activations stay in the processor's cache.

    Measured on Conv4-64 5-way 1-shot, see PART_ELEMENTS; small episodes go in one part.
    """
    elements = batch.support_x[0].numel() + batch.query_x[0].numel()
    size = max(1, PART_ELEMENTS // elements)
    for start in range(0, len(batch), size):
        yield batch.part(start, start + size)


PART_ELEMENTS = 64_000


class Sums:
    """Adds up gradients and metrics over parts of a batch, for the mean over its episodes."""

    def __init__(self, episodes: int) -> None:
        self.episodes = episodes
        self.gradient: Parameters = {}
        self.metrics: Metrics = {}

    def add_gradient(self, gradient: Parameters) -> None:
        """Per-episode gradients `(E, *shape)`."""
        for name, values in gradient.items():
            total = values.sum(0)
            self.gradient[name] = self.gradient[name] + total if name in self.gradient else total

    def add_metrics(self, **metrics: Tensor) -> None:
        """Per-episode values `(E,)`."""
        for name, values in metrics.items():
            total = values.sum()
            self.metrics[name] = self.metrics[name] + total if name in self.metrics else total

    def add_accuracy(self, outputs: Tensor, y: Tensor) -> None:
        """Query accuracy, for classification only."""
        if not y.is_floating_point():
            self.add_metrics(query_accuracy=accuracies_of(outputs, y))

    def mean(self) -> tuple[Parameters, Metrics]:
        """Means over the episodes."""
        with torch.no_grad():
            gradient = {name: total / self.episodes for name, total in self.gradient.items()}
            return gradient, {name: total / self.episodes for name, total in self.metrics.items()}
