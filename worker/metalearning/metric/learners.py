"""The four metric learners, as modules: support set and queries in, class scores out.

E episodes, S support and T query examples, N classes, D numbers of an embedding. Scores `(E, T, N)`
are logits, so that the evaluation's cross-entropy is defined alike for all; what is descended along
in training is each paper's own loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.metalearning.adaptation import losses_of
from worker.metalearning.metric.encoders import ConvEncoder, feature_shape

LEAST = 1e-12  # of a probability, before its logarithm is taken


class MetricLearner(nn.Module, ABC):
    """Embeds support and query images together, and compares."""

    def __init__(self, encoder: ConvEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Images `(E, S, C, H, W)` with classes `(E, S)`, and `(E, T, C, H, W)`, to scores.

        Batch norm takes the statistics of both sets together, as one forward pass of the authors'
        code for training does.
        """
        features = self.encoder(torch.cat([support_x, query_x], 1))
        sizes = [support_x.shape[1], query_x.shape[1]]
        support, query = features.split(sizes, 1)
        return self.compare(support, one_hot(support_y, features.dtype), query)

    @abstractmethod
    def compare(self, support: Tensor, classes: Tensor, query: Tensor) -> Tensor:
        """Scores of feature maps: support `(E, S, F, h, w)` with classes `(E, S, N)`."""

    def losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """What training descends along, by episode `(E,)`: cross-entropy unless a paper differs."""
        return losses_of(scores, y, "cross_entropy")


def one_hot(y: Tensor, dtype: torch.dtype) -> Tensor:
    """Classes `(E, S)`, of which every one occurs, to `(E, S, N)`."""
    return F.one_hot(y, int(y.max()) + 1).to(dtype)


def class_means(values: Tensor, classes: Tensor) -> Tensor:
    """Means over the examples of each class: `(E, S, *rest)` to `(E, N, *rest)`."""
    weights = classes / classes.sum(1, keepdim=True)
    means = torch.bmm(weights.transpose(1, 2), values.flatten(2))
    return means.view(*means.shape[:2], *values.shape[2:])


class Prototypical(MetricLearner):
    """Snell, Swersky, Zemel 2017 (arXiv:1703.05175), equations 1 and 2: the nearest class mean."""

    def compare(self, support: Tensor, classes: Tensor, query: Tensor) -> Tensor:
        """See MetricLearner: minus the squared Euclidean distance to each prototype."""
        prototypes = class_means(support.flatten(2), classes)
        return -torch.cdist(query.flatten(2), prototypes).square()


class Matching(MetricLearner):
    """Vinyals et al. 2016 (arXiv:1606.04080): attention over the support set by cosine similarity,
    equations 1 and 2; with `full_context` the embeddings of section 2.1.2 and appendix A."""

    def __init__(self, encoder: ConvEncoder, size: int, *, full_context: bool, steps: int) -> None:
        super().__init__(encoder)
        self.steps = steps
        self.context: nn.LSTM | None = None
        self.reading: nn.LSTMCell | None = None
        if full_context:
            self.context = nn.LSTM(size, size, batch_first=True, bidirectional=True)
            self.reading = nn.LSTMCell(2 * size, size)

    def compare(self, support: Tensor, classes: Tensor, query: Tensor) -> Tensor:
        """See MetricLearner: the logarithm of the attention that each class gets."""
        support, query = support.flatten(2), query.flatten(2)
        if self.context is not None:
            forward, backward = self.context(support)[0].chunk(2, -1)
            support = support + forward + backward
            query = self._read(support, query)
        near = torch.bmm(F.normalize(query, dim=-1), F.normalize(support, dim=-1).transpose(1, 2))
        return torch.bmm(near.softmax(-1), classes).clamp_min(LEAST).log()

    def _read(self, support: Tensor, query: Tensor) -> Tensor:
        """f(x, S): `steps` times the LSTM sees the query and what it reads from the support set."""
        assert self.reading is not None
        flat = query.flatten(0, 1)
        hidden, cell, read = flat, torch.zeros_like(flat), torch.zeros_like(flat)
        for _ in range(self.steps):
            out, cell = self.reading(torch.cat([flat, read], -1), (hidden, cell))
            hidden = out + flat
            asking = hidden.view(query.shape)
            attention = torch.bmm(asking, support.transpose(1, 2)).softmax(-1)
            read = torch.bmm(attention, support).flatten(0, 1)
        return hidden.view(query.shape)


class Siamese(MetricLearner):
    """Koch, Zemel, Salakhutdinov 2015, section 3: a weighted L1 distance of two embeddings says
    whether they are of one class. Of a class with several examples their mean logit counts."""

    def __init__(self, encoder: ConvEncoder, size: int) -> None:
        super().__init__(encoder)
        self.weigh = nn.Linear(size, 1)

    def compare(self, support: Tensor, classes: Tensor, query: Tensor) -> Tensor:
        """See MetricLearner."""
        apart = query.flatten(2).sigmoid().unsqueeze(2) - support.flatten(2).sigmoid().unsqueeze(1)
        same = self.weigh(apart.abs()).squeeze(-1)  # (E, T, S)
        return class_means(same.transpose(1, 2), classes).transpose(1, 2)

    def losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Binary cross-entropy of "the same class", pairs that are and are not weighing alike, as
        the paper draws equally many of both."""
        same = F.one_hot(y, scores.shape[-1]).to(scores.dtype)
        found = F.binary_cross_entropy_with_logits(scores, same, reduction="none")
        others = scores.shape[-1] - 1
        return 0.5 * ((found * same).sum(-1) + (found * (1 - same)).sum(-1) / others).mean(-1)


class Relation(MetricLearner):
    """Sung et al. 2018 (arXiv:1711.06025), figures 1 and 2: a network judges the feature maps of a
    query beside the sum of those of a class; squared error to 1 and 0 (equation 2)."""

    def __init__(self, encoder: ConvEncoder, maps: tuple[int, ...], *, hidden: int = 8) -> None:
        super().__init__(encoder)
        filters = maps[0]
        self.relate = ConvEncoder(2 * filters, filters, (True, True))
        size = torch.Size(feature_shape(self.relate, (2 * filters, *maps[1:]))).numel()
        self.hidden = nn.Linear(size, hidden)
        self.out = nn.Linear(hidden, 1)

    def compare(self, support: Tensor, classes: Tensor, query: Tensor) -> Tensor:
        """See MetricLearner: before the sigmoid that makes relation scores of them."""
        sums = class_means(support, classes) * classes.sum(1)[..., None, None, None]
        ways, queries = sums.shape[1], query.shape[1]
        pairs = torch.cat(
            [
                sums.unsqueeze(1).expand(-1, queries, -1, -1, -1, -1),
                query.unsqueeze(2).expand(-1, -1, ways, -1, -1, -1),
            ],
            3,
        )
        related = self.relate(pairs.flatten(1, 2)).flatten(2)
        scores: Tensor = self.out(F.relu(self.hidden(related)))
        return scores.view(-1, queries, ways)

    def losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Mean squared error of the relation scores."""
        wanted = F.one_hot(y, scores.shape[-1]).to(scores.dtype)
        return (scores.sigmoid() - wanted).square().mean((-2, -1))
