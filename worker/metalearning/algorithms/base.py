"""What the training loop needs of an algorithm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from worker.metalearning.adaptation import Formulation, accuracies_of
from worker.metalearning.adapters import Adapter, GradientAdapter
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters

Metrics = dict[str, Tensor]  # scalar tensors; the loop turns the recorded ones into floats
Item = TypeVar("Item")


class Algorithm(Protocol):
    """A rule for changing meta-parameters after a batch of episodes, and how they answer one."""

    def initial(self, params: Parameters) -> Parameters:
        """The meta-parameters to begin with, made of the network's own: all that is learned."""
        ...

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """What the outer optimizer shall descend along (shapes of params), and what to record;
        `step` meta-steps were made before."""
        ...

    def adapter(self, steps: int, step_size: float | None = None) -> Adapter:
        """How meta-parameters answer episodes, in so many inner steps where it makes any;
        `step_size` stands in for the one of the spec where that is to be chosen."""
        ...

    def recorded(self, params: Parameters) -> dict[str, float]:
        """What the meta-parameters say beside the losses, such as learned rates."""
        ...


@runtime_checkable
class Unrolled(Protocol):
    """What learns several times from a batch, going on from where it stands in its episodes."""

    def outer_gradients(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> Iterator[tuple[Parameters, Metrics]]:
        """Outer gradients one after the other; `params` change in between, in place."""
        ...


def outer_gradients(
    algorithm: Algorithm, params: Parameters, batch: EpisodeBatch, step: int
) -> Iterator[tuple[Parameters, Metrics]]:
    """All outer gradients of a meta-step: one, unless the algorithm unrolls."""
    if isinstance(algorithm, Unrolled):
        yield from algorithm.outer_gradients(params, batch, step)
    else:
        yield algorithm.outer_gradient(params, batch, step)


class GradientDescent:
    """What algorithms share whose meta-parameters are an initialisation of the network and nothing
    else, adapted by gradient descent."""

    def __init__(self, formulation: Formulation, *, lr: float = 0.01, adapts: bool = True) -> None:
        self.formulation = formulation
        self.lr = lr
        self.adapts = adapts

    def initial(self, params: Parameters) -> Parameters:
        """The network's own."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing: an initialisation says little by itself."""
        return {}

    def adapter(self, steps: int, step_size: float | None = None) -> GradientAdapter:
        """As many steps on the support set, of the one size."""
        return GradientAdapter(self.formulation.at_test(), step_size or self.lr, steps, self.adapts)


class Sums:
    """Sums over episodes of gradients and metrics, for the mean over a batch."""

    def __init__(self) -> None:
        self.gradient: Parameters = {}
        self.metrics: Metrics = {}

    def add_gradient(self, gradient: Parameters) -> None:
        """Per-episode gradients `(E, *shape)`."""
        _add(self.gradient, {name: values.sum(0) for name, values in gradient.items()})

    def add_metrics(self, **metrics: Tensor) -> None:
        """Per-episode values `(E,)`."""
        _add(self.metrics, {name: values.sum() for name, values in metrics.items()})

    def add_accuracy(self, outputs: Tensor, y: Tensor) -> None:
        """Query accuracy, for classification only."""
        if not y.is_floating_point():
            self.add_metrics(query_accuracy=accuracies_of(outputs, y))

    def add(self, other: Sums) -> None:
        """The sums over other episodes of the same batch."""
        _add(self.gradient, other.gradient)
        _add(self.metrics, other.metrics)

    def mean(self, episodes: int) -> tuple[Parameters, Metrics]:
        """Means over that many episodes."""
        with torch.no_grad():
            gradient = {name: total / episodes for name, total in self.gradient.items()}
            return gradient, {name: total / episodes for name, total in self.metrics.items()}


def _add(totals: dict[str, Tensor], more: dict[str, Tensor]) -> None:
    for name, value in more.items():
        totals[name] = totals[name] + value if name in totals else value


class Crew:
    """Threads that share the parts of a batch.

    A part is small, so threads inside its operations gain little and wait for each other at every
    one (Conv4-64, 16 episodes of 5-way 1-shot, 2 cores: 104 episodes/s by torch's own two threads,
    44 when those sleep while they wait, 117 by a crew of two). Parts are added up in their order:
    the numbers do not depend on how many threads there are.
    """

    def __init__(self, threads: int = 1) -> None:
        self._pool = ThreadPoolExecutor(threads, "crew") if threads > 1 else None

    def map(self, sums_of: Callable[[Item], Sums], items: Iterable[Item]) -> Iterable[Sums]:
        """What `sums_of` finds in each item, in their order."""
        return self._pool.map(sums_of, items) if self._pool else map(sums_of, items)

    def mean(
        self, batch: EpisodeBatch, sums_of: Callable[[EpisodeBatch], Sums], least: int = 1
    ) -> tuple[Parameters, Metrics]:
        """The mean over the episodes of what `sums_of` finds in each part, of at least `least`
        episodes."""
        total = Sums()
        for sums in self.map(sums_of, parts(batch, least)):
            total.add(sums)
        return total.mean(len(batch))


def parts(batch: EpisodeBatch, least: int = 1) -> Iterator[EpisodeBatch]:
    """The batch in parts of `least` episodes, or as many whose activations stay in the cache.

    Measured on Conv4-64 5-way 1-shot, see PART_ELEMENTS; small episodes go in one part.
    """
    elements = batch.support_x[0].numel() + batch.query_x[0].numel()
    size = max(least, PART_ELEMENTS // elements)
    for start in range(0, len(batch), size):
        yield batch.part(start, start + size)


PART_ELEMENTS = 16_000
