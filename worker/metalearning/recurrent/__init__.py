"""Sequence learners: what they learn of an episode is in their state, not in their parameters."""

from __future__ import annotations

import torch
from torch import nn

from worker.metalearning.episodes import TaskDistribution
from worker.metalearning.recurrent.learner import (
    PICTURE_FEATURES,
    SANTORO_SIDE,
    Numbers,
    Pictures,
    Pixels,
    SequenceLearner,
)
from worker.metalearning.recurrent.lstm import Lstm
from worker.metalearning.recurrent.mann import Mann
from worker.metalearning.recurrent.snail import Snail
from worker.metalearning.specs import (
    LstmNetwork,
    MannNetwork,
    RecurrentSpec,
    SequenceNetwork,
    SnailNetwork,
)

__all__ = ["SequenceLearner", "build_sequence_learner"]


def build_sequence_learner(spec: RecurrentSpec, distribution: TaskDistribution) -> SequenceLearner:
    """A freshly initialised learner; its initial weights depend on the seed alone."""
    outputs = distribution.outputs
    length = distribution.shot * (distribution.way or 1) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        embed, features = _embedding(spec.network, distribution.input_shape)
        match spec.network:
            case LstmNetwork(hidden=hidden):
                return Lstm(embed, features, outputs, hidden)
            case MannNetwork() as mann:
                return Mann(
                    embed, features, outputs, hidden=mann.hidden, rows=mann.rows,
                    width=mann.width, reads=mann.reads, usage_decay=mann.usage_decay,
                )  # fmt: skip
            case SnailNetwork(width=width):
                return Snail(embed, features, outputs, length=length, width=width)
    raise AssertionError(f"no learner for {type(spec).__name__}")


def _embedding(network: object, input_shape: tuple[int, ...]) -> tuple[nn.Module, int]:
    """What makes numbers of an example, and how many."""
    assert isinstance(network, SequenceNetwork)
    if len(input_shape) == 1:
        return Numbers(), input_shape[0]
    if network.pictures == "pixels":
        return Pixels(), input_shape[0] * SANTORO_SIDE**2
    return Pictures(input_shape, network.filters), PICTURE_FEATURES
