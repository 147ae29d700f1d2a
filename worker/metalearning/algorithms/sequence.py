"""Training of sequence learners, and their results by the number of examples seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from worker.metalearning.algorithms.base import Crew, Metrics, Sums
from worker.metalearning.calling import Functional
from worker.metalearning.episodes import EpisodeBatch, TaskDistribution
from worker.metalearning.networks import Parameters
from worker.metalearning.recurrent import SequenceLearner

LEAST = 8  # episodes that share each step along a sequence: a step of one costs nearly as much


@dataclass(frozen=True)
class SequenceAdapter:
    """A sequence learner as evaluations use it: its steps are examples seen, of each class where
    there are any."""

    call: Functional
    steps: int  # K

    @property
    def facts(self) -> dict[str, Any]:
        """See Adapter. `axis` says what the columns of its results count."""
        return {"inner_lr": None, "adapts": True, "axis": "examples_seen"}

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """See Adapter: after the first k support examples, k times the number of classes where
        there are classes."""
        classes = batch.support_x.shape[1] // self.steps
        with torch.no_grad():
            for seen in range(self.steps + 1):
                x, y = (one[:, : seen * classes] for one in (batch.support_x, batch.support_y))
                yield [self.call(params, x, y, asked) for asked in inputs]

    def results(
        self, params: Parameters, batch: EpisodeBatch, distribution: TaskDistribution
    ) -> tuple[Tensor, Tensor | None]:
        """Losses and accuracies `(E, K + 1)`, float64.

        Regression: of the query set after the first k support examples. Classification: column k is
        the mean over the classes of the answer to the (k + 1)-th support example of a class, which
        is given when k of that class were seen (Santoro et al. 2016, table 1), and the last column
        is the query set, after all.
        """
        if batch.query_y.is_floating_point():
            found = [
                (answers.double() - batch.query_y.double()).square().mean((-2, -1))
                for [answers] in self.predictions(params, batch, [batch.query_x])
            ]
            return torch.stack(found, 1), None
        with torch.no_grad():
            answers = self.call(params, batch.support_x, batch.support_y, batch.query_x, True)
        labels = torch.cat([batch.support_y, batch.query_y], 1)
        losses = F.cross_entropy(answers.double().transpose(1, 2), labels, reduction="none")
        right = (answers.argmax(-1) == labels).double()
        seen = torch.cat(
            [seen_before(batch.support_y), torch.full_like(batch.query_y, self.steps)], 1
        )
        return mean_by(losses, seen, self.steps + 1), mean_by(right, seen, self.steps + 1)


def seen_before(y: Tensor) -> Tensor:
    """How many of an example's own class were before it: classes `(E, S)` to `(E, S)`."""
    same = y.unsqueeze(2) == y.unsqueeze(1)
    return same.tril(-1).sum(2)


def mean_by(values: Tensor, column: Tensor, columns: int) -> Tensor:
    """Means `(E, C)` of the values `(E, L)` whose column each is."""
    total = values.new_zeros(len(values), columns).scatter_add(1, column, values)
    count = values.new_zeros(len(values), columns).scatter_add(1, column, torch.ones_like(values))
    return total / count


class SequenceLearning:
    """Plain gradients of the loss of answers along the sequence."""

    def __init__(self, learner: SequenceLearner, crew: Crew, *, shot: int, own: bool) -> None:
        self.learner = learner
        self.crew = crew
        self.shot = shot
        self.own = own  # whether answers to support examples count
        self._call = Functional(learner)

    def initial(self, params: Parameters) -> Parameters:
        """The learner's own."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing beside the losses."""
        return {}

    def adapter(self, steps: int, step_size: float | None = None) -> SequenceAdapter:
        """As many steps as a class has support examples, however many are asked for."""
        return SequenceAdapter(self._call, self.shot)

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes of the mean over the answers that count. `query_loss` is of the
        queries, `sequence_loss` of all answers, where support examples count as well."""
        return self.crew.mean(batch, lambda part: self._sums(params, part), LEAST)

    def _sums(self, params: Parameters, part: EpisodeBatch) -> Sums:
        sums = Sums()
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        labels = part.query_y
        if self.own:
            labels = torch.cat([part.support_y, labels], 1)
        with torch.enable_grad():
            answers = self._call(leaves, part.support_x, part.support_y, part.query_x, self.own)
            losses = answer_losses(answers, labels)
            found = torch.autograd.grad(losses.mean(1).sum(), list(leaves.values()))
        sums.add_gradient(
            {name: value.unsqueeze(0) for name, value in zip(params, found, strict=True)}
        )
        queries = part.query_y.shape[1]
        sums.add_metrics(query_loss=losses.detach()[:, -queries:].mean(1))
        if self.own:
            sums.add_metrics(sequence_loss=losses.detach().mean(1))
        sums.add_accuracy(answers.detach()[:, -queries:], part.query_y)
        return sums


def answer_losses(answers: Tensor, labels: Tensor) -> Tensor:
    """Squared error or cross-entropy of each answer: `(E, A, O)` to `(E, A)`."""
    if labels.is_floating_point():
        return (answers - labels).square().mean(-1)
    return -answers.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
