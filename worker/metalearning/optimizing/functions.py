"""Functions to minimise, for many problems at once.

E problems, P numbers each: theta `(E, P)`. A gradient carries no graph: what is learned about an
optimizer goes through its own steps, and the gradients that it reads are data to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from worker.metalearning.adaptation import losses_of
from worker.metalearning.blocks import strided_convolution
from worker.metalearning.distributions.digits import CLASSES, SIDE, digits
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.specs import DigitsConv, DigitsMlp


class Function(Protocol):
    """What is minimised."""

    @property
    def size(self) -> int:
        """P."""
        ...

    def gradients(self, theta: Tensor, batch: EpisodeBatch, step: int) -> tuple[Tensor, Tensor]:
        """Losses `(E,)` and gradients `(E, P)` as the optimizer sees them at a step."""
        ...

    def losses(self, theta: Tensor, batch: EpisodeBatch) -> Tensor:
        """The losses that it is judged by, `(E,)`."""
        ...


class QuadraticFunction:
    """f(x) = |W x - y|^2, with gradient 2 W^T (W x - y); no step sees less than all of it."""

    def __init__(self, size: int) -> None:
        self.size = size

    def gradients(self, theta: Tensor, batch: EpisodeBatch, step: int) -> tuple[Tensor, Tensor]:
        """See Function."""
        rest = _rest(theta, batch)
        gradient = 2 * torch.bmm(batch.support_x.transpose(1, 2), rest)
        return rest.square().sum((1, 2)), gradient.squeeze(-1)

    def losses(self, theta: Tensor, batch: EpisodeBatch) -> Tensor:
        """See Function."""
        return _rest(theta, batch).square().sum((1, 2))


def _rest(theta: Tensor, batch: EpisodeBatch) -> Tensor:
    return torch.bmm(batch.support_x, theta.unsqueeze(-1)) - batch.support_y


class DigitsFunction:
    """Mean cross-entropy of a small network on digits: of the step's minibatch for its gradient,
    of the first `query` digits (0: all) for its judgement."""

    def __init__(self, spec: DigitsMlp | DigitsConv, query: int) -> None:
        pictures, classes = digits()
        self._pictures, self._classes = torch.from_numpy(pictures), torch.from_numpy(classes)
        self._judged = slice(query or None)
        self.shapes, self._forward, self._spreads = _network(spec)
        self._sizes = [torch.Size(shape).numel() for shape in self.shapes]
        self.size = sum(self._sizes)

    def initial_spread(self) -> Tensor:
        """Standard deviation of every number's start, `(P,)`."""
        parts = zip(self._spreads, self._sizes, strict=True)
        return torch.cat([torch.full((size,), spread) for spread, size in parts])

    def gradients(self, theta: Tensor, batch: EpisodeBatch, step: int) -> tuple[Tensor, Tensor]:
        """See Function."""
        chosen = batch.support_x[:, step].cpu()
        x = self._pictures[chosen].to(theta)
        y = self._classes[chosen].to(theta.device)
        leaf = theta.detach().requires_grad_()
        with torch.enable_grad():
            losses = losses_of(self._outputs(leaf, x), y, "cross_entropy")
            [gradient] = torch.autograd.grad(losses.sum(), [leaf])
        return losses.detach(), gradient

    def losses(self, theta: Tensor, batch: EpisodeBatch) -> Tensor:
        """See Function."""
        x = self._pictures[self._judged].to(theta).expand(len(theta), -1, -1)
        y = self._classes[self._judged].to(theta.device).expand(len(theta), -1)
        with torch.no_grad():
            return losses_of(self._outputs(theta, x), y, "cross_entropy")

    def _outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        parts = torch.split(theta, self._sizes, 1)
        pairs = zip(parts, self.shapes, strict=True)
        return self._forward([part.view(-1, *shape) for part, shape in pairs], x)


Forward = Callable[[list[Tensor], Tensor], Tensor]
Network = tuple[list[tuple[int, ...]], Forward, list[float]]


def _network(spec: DigitsMlp | DigitsConv) -> Network:
    """Shapes of a network's parameters, its outputs by them, and the spread of their starts."""
    pixels = SIDE * SIDE
    if isinstance(spec, DigitsMlp):
        hidden = spec.hidden
        shapes: list[tuple[int, ...]] = [(pixels, hidden), (hidden,), (hidden, CLASSES), (CLASSES,)]
        return shapes, _mlp, [spec.initial_sd] * len(shapes)
    first, second = spec.filters, 2 * spec.filters
    features = second * (SIDE // 4) ** 2
    shapes = [
        (first, 1, 3, 3), (first,), (second, first, 3, 3), (second,),
        (features, CLASSES), (CLASSES,),
    ]  # fmt: skip
    # He et al. 2015 (arXiv:1502.01852), equation 10, in front of rectifiers; biases begin at 0.
    spreads = [(2 / 9) ** 0.5, 0.0, (2 / (9 * first)) ** 0.5, 0.0, (1 / features) ** 0.5, 0.0]
    return shapes, _conv, spreads


def _mlp(params: list[Tensor], x: Tensor) -> Tensor:
    """x `(E, M, 64)` to logits `(E, M, 10)`."""
    into, into_bias, out, out_bias = params
    hidden = torch.baddbmm(into_bias.unsqueeze(1), x, into).sigmoid()
    return torch.baddbmm(out_bias.unsqueeze(1), hidden, out)


def _conv(params: list[Tensor], x: Tensor) -> Tensor:
    """The same by convolutions of stride 2 from 8x8 to 4x4 to 2x2, channels last."""
    first, first_bias, second, second_bias, out, out_bias = params
    z = x.reshape(*x.shape[:2], SIDE, SIDE, 1)
    for weight, bias in ((first, first_bias), (second, second_bias)):
        z = F.relu(strided_convolution(z, weight) + bias[:, None, None, None])
    return torch.baddbmm(out_bias.unsqueeze(1), z.flatten(2), out)
