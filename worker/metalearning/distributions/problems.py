"""Problems for optimizers, as episodes: a function to minimise and where it begins.

An episode's latent is the start, `(P,)`. Of a quadratic, the support set is W and y, and so is the
query set: there is one loss. Of a network that reads digits the support set is what the optimizer
will see, the numbers of the digits in each step's minibatch, `(steps + 1, batch)`, and the query
set is empty: which digits the loss is measured on is the distribution's. As in Andrychowicz et al.
2016 (section 3.2) such problems differ in their start and the order of digits alone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from worker.metalearning.distributions.digits import COUNT
from worker.metalearning.distributions.identity import Split, episode_generator, episode_id
from worker.metalearning.distributions.problem_hashes import problem_hash
from worker.metalearning.episodes import Episode, EpisodeBatch, Objective
from worker.metalearning.optimizing.functions import DigitsFunction, Function, QuadraticFunction
from worker.metalearning.specs import DigitsConv, DigitsMlp, Problems, Quadratics


class QuadraticProblems:
    """f(x) = |W x - y|^2 with normal W and y."""

    source = "quadratics"
    objective: Objective = "mse"
    outputs = 1
    way: int | None = None
    shot = 0
    query = 0

    def __init__(self, spec: Quadratics) -> None:
        self.spec = spec
        self.input_shape = (spec.dimensions,)
        self.function: Function = QuadraticFunction(spec.dimensions)
        self.hash = problem_hash(spec, query=0)

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The problem with id `{hash}:{split}:{seed}:{index}`."""
        name = episode_id(self.hash, split, seed, index)
        size = self.spec.dimensions
        drawn = episode_generator(name).standard_normal((size + 2, size))
        numbers = torch.from_numpy(drawn).float()
        w, y, start = numbers[:size], numbers[size, :, None], numbers[size + 1]
        return Episode(w, y, w, y, name, start * self.spec.initial_sd)

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """`count` fresh problems."""
        size = self.spec.dimensions
        numbers = torch.randn(count, size + 2, size, generator=generator)
        w, y = numbers[:, :size], numbers[:, size, :, None]
        return EpisodeBatch(w, y, w, y, numbers[:, size + 1] * self.spec.initial_sd)


class DigitsProblems:
    """A small network that learns to read digits in minibatches."""

    objective: Objective = "cross_entropy"
    input_shape = (64,)
    outputs = 10
    way: int | None = None
    shot = 0

    def __init__(self, spec: DigitsMlp | DigitsConv, *, query: int, steps: int) -> None:
        self.spec = spec
        self.source = "digits_mlp" if isinstance(spec, DigitsMlp) else "digits_conv"
        self.query = query
        self.steps = steps
        function = DigitsFunction(spec, query)
        self.function: Function = function
        self._spread = function.initial_spread()
        self.hash = problem_hash(spec, query=query)

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The problem with id `{hash}:{split}:{seed}:{index}`; more steps only make it longer."""
        name = episode_id(self.hash, split, seed, index)
        numbers = episode_generator(name)
        start = torch.from_numpy(numbers.standard_normal(len(self._spread))).float() * self._spread
        shape = (self.steps + 1, self.spec.batch)
        order = torch.from_numpy(numbers.integers(0, COUNT, shape, dtype=np.int64))
        return Episode(order, _NOTHING, _NOTHING, _NOTHING, name, start)

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """`count` fresh starts and orders."""
        start = torch.randn(count, len(self._spread), generator=generator) * self._spread
        shape = (count, self.steps + 1, self.spec.batch)
        order = torch.randint(COUNT, shape, generator=generator)
        nothing = _NOTHING.expand(count, 0)
        return EpisodeBatch(order, nothing, nothing, nothing, start)


_NOTHING: Tensor = torch.empty(0)


def problems(spec: Problems, *, query: int, steps: int) -> QuadraticProblems | DigitsProblems:
    """The distribution that a spec's episodes name, of so many optimizer steps."""
    if isinstance(spec, Quadratics):
        return QuadraticProblems(spec)
    return DigitsProblems(spec, query=query, steps=steps)
