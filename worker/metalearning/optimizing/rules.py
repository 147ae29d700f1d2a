"""Update rules: a gradient and a memory in, a step and the memory out.

E problems of P numbers each; every number is treated alike and by itself. Hand-made ones are as
torch.optim has them: SGD, momentum (Polyak 1964), RMSprop (Tieleman, Hinton 2012), Adam (Kingma, Ba
2015, Algorithm 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from worker.metalearning.networks import Parameters
from worker.metalearning.specs import Adam, HandMade, Momentum, RmsProp, Sgd

Memory = tuple[Tensor, ...]
EPS = 1e-8


class Rule(Protocol):
    """How gradients become steps."""

    def begin(self, theta: Tensor) -> Memory:
        """The memory before the first step, for numbers `(E, P)`."""
        ...

    def step(
        self, params: Parameters, gradient: Tensor, memory: Memory, number: int
    ) -> tuple[Tensor, Memory]:
        """What to add to the numbers, `(E, P)`, at the step of that number, from 0 on; `params`
        are what is learned about the rule."""
        ...


@dataclass(frozen=True)
class HandMadeRule:
    """A rule that nothing is learned about, with its rate."""

    kind: HandMade
    rate: float

    def begin(self, theta: Tensor) -> Memory:
        """See Rule: zeros, as many as the rule remembers."""
        count = {Sgd: 0, Momentum: 1, RmsProp: 1, Adam: 2}[type(self.kind)]
        return tuple(torch.zeros_like(theta) for _ in range(count))

    def step(
        self, params: Parameters, gradient: Tensor, memory: Memory, number: int
    ) -> tuple[Tensor, Memory]:
        """See Rule."""
        match self.kind:
            case Momentum(momentum=keeps):
                velocity = keeps * memory[0] + gradient
                return -self.rate * velocity, (velocity,)
            case RmsProp(decay=keeps):
                square = keeps * memory[0] + (1 - keeps) * gradient.square()
                return -self.rate * gradient / (square.sqrt() + EPS), (square,)
            case Adam(beta1=first, beta2=second):
                mean = first * memory[0] + (1 - first) * gradient
                square = second * memory[1] + (1 - second) * gradient.square()
                unbiased = mean / (1 - first ** (number + 1))
                root = (square / (1 - second ** (number + 1))).sqrt()
                return -self.rate * unbiased / (root + EPS), (mean, square)
        return -self.rate * gradient, ()
