"""What sequence learners share: an episode is read example by example, and answered in between.

E episodes, S support and T query examples, F numbers of an example, O outputs (N classes or one
value). An example's label is shown after the example was answered, so whatever is answered comes of
the examples before alone, and no parameter changes (Hochreiter et al. 2001, section 2; Santoro et
al. 2016, section 2).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PICTURE_FEATURES = 64
SANTORO_SIDE = 20  # of a picture given as grey values


class SequenceLearner(nn.Module, ABC):
    """Reads support sets in their order, and answers at any place of them."""

    def __init__(self, embed: nn.Module, outputs: int) -> None:
        super().__init__()
        self.embed = embed
        self.outputs = outputs

    def forward(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, own: bool = False
    ) -> Tensor:
        """Answers `(E, T, O)` to the queries `(E, T, *input)`, each for itself, after the whole
        support set; with `own`, before them `(E, S + T, O)` those to each support example after the
        ones in front of it."""
        sizes = [support_x.shape[1], query_x.shape[1]]
        features = self.embed(torch.cat([support_x, query_x], 1))
        support, query = features.split(sizes, 1)
        after = torch.full((sizes[1],), sizes[0], device=query_x.device)
        if own:
            query = features
            after = torch.cat([torch.arange(sizes[0], device=query_x.device), after])
        return self.answer(
            support, shown_labels(support_y, self.outputs, query.dtype), query, after
        )

    @abstractmethod
    def answer(self, support: Tensor, labels: Tensor, asked: Tensor, after: Tensor) -> Tensor:
        """Answers `(E, A, O)` to `asked` `(E, A, F)`, the one at place a after the first `after[a]`
        of `support` `(E, S, F)` with their `labels` `(E, S, O)`."""


def shown_labels(y: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
    """Labels as they are shown: values `(E, S, 1)` as they are, classes `(E, S)` one-hot."""
    return y if y.is_floating_point() else F.one_hot(y, outputs).to(dtype)


def shifted(labels: Tensor) -> Tensor:
    """Labels as they accompany the examples that follow: `(E, S, O)` to `(E, S + 1, O)`, the first
    zero, as no label was shown yet."""
    return F.pad(labels, (0, 0, 1, 0))


class Numbers(nn.Module):
    """Examples that are numbers already."""

    def forward(self, x: Tensor) -> Tensor:
        """x `(E, M, *input)` to `(E, M, F)`."""
        return x.flatten(2)


class Pixels(nn.Module):
    """Grey values of a smaller picture (Santoro et al. 2016, section 4.1)."""

    def forward(self, x: Tensor) -> Tensor:
        """x `(E, M, C, H, W)` to `(E, M, C 20 20)`."""
        small = F.adaptive_avg_pool2d(x.flatten(0, 1), SANTORO_SIDE)
        return small.view(*x.shape[:2], -1)


class Pictures(nn.Module):
    """Four times (strided 3x3 convolution, norm, rectifier), then a linear layer.

    Normalised over the channels and positions of one picture: statistics over the pictures of an
    episode would tell an answer something of the pictures that come after it.
    """

    def __init__(self, input_shape: tuple[int, ...], filters: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        self.convs = nn.ModuleList(
            nn.Conv2d(filters if place else channels, filters, 3, stride=2, padding=1)
            for place in range(4)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(1, filters) for _ in range(4))
        positions = -(-height // 16) * -(-width // 16)
        self.out = nn.Linear(filters * positions, PICTURE_FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        """x `(E, M, C, H, W)` to `(E, M, 64)`."""
        z = x.flatten(0, 1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            z = F.relu(norm(conv(z)))
        found: Tensor = self.out(z.flatten(1))
        return found.view(*x.shape[:2], -1)
