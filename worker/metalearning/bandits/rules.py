"""Rules for pulling the arms of a Bernoulli bandit that are not learned."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.metalearning.bandits import gittins
from worker.metalearning.distributions.identity import episode_generator
from worker.metalearning.episodes import EpisodeBatch

Floats = NDArray[np.float64]


class Rule(Protocol):
    """Chooses arms of E bandits at once. Equal arms: the first, as arms are in no order."""

    def choose(self, successes: Floats, failures: Floats, pull: int) -> NDArray[np.int64]:
        """Arms `(E,)`, from the successes and failures of each `(E, A)` so far."""
        ...


class Random:
    """Any arm, by the episode's own uniform numbers."""

    def __init__(self, batch: EpisodeBatch) -> None:
        self.uniform = batch.support_y[:, :, 0].double().cpu().numpy()

    def choose(self, successes: Floats, failures: Floats, pull: int) -> NDArray[np.int64]:
        """See Rule."""
        arms = successes.shape[1]
        return np.asarray(np.minimum((self.uniform[:, pull] * arms).astype(np.int64), arms - 1))


class Thompson:
    """The arm whose draw from Beta(1 + successes, 1 + failures) is the highest (Thompson 1933)."""

    def __init__(self, batch: EpisodeBatch) -> None:
        self.numbers = [episode_generator(f"{name}:thompson") for name in batch.ids]

    def choose(self, successes: Floats, failures: Floats, pull: int) -> NDArray[np.int64]:
        """See Rule."""
        draws = [
            numbers.beta(1 + won, 1 + lost)
            for numbers, won, lost in zip(self.numbers, successes, failures, strict=True)
        ]
        return np.asarray(np.stack(draws).argmax(1))


class Ucb1:
    """The arm with the highest mean + sqrt(c ln n / n_arm), after one pull of each (Auer et al.
    2002, figure 1: c = 2)."""

    def __init__(self, exploration: float) -> None:
        self.exploration = exploration

    def choose(self, successes: Floats, failures: Floats, pull: int) -> NDArray[np.int64]:
        """See Rule."""
        if pull < successes.shape[1]:
            return np.full(len(successes), pull)
        pulled = successes + failures
        bound = successes / pulled + np.sqrt(self.exploration * np.log(pull) / pulled)
        return np.asarray(bound.argmax(1))


class Gittins:
    """The arm with the highest index for the pulls that are left (see gittins.py)."""

    def __init__(self, pulls: int) -> None:
        self.pulls = pulls
        self.table = gittins.table(pulls)

    def choose(self, successes: Floats, failures: Floats, pull: int) -> NDArray[np.int64]:
        """See Rule."""
        won, lost = successes.astype(np.int64), failures.astype(np.int64)
        return np.asarray(self.table[self.pulls - pull, won, lost].argmax(1))


def play(rule: Rule, batch: EpisodeBatch) -> Tensor:
    """Arms `(E, T)` that a rule pulls."""
    pays = batch.support_x.cpu().numpy()
    episodes, pulls, arms = pays.shape
    successes, failures = np.zeros((episodes, arms)), np.zeros((episodes, arms))
    each, chosen = np.arange(episodes), []
    for pull in range(pulls):
        arm = rule.choose(successes, failures, pull)
        paid = pays[each, pull, arm]
        successes[each, arm] += paid
        failures[each, arm] += 1 - paid
        chosen.append(torch.from_numpy(arm))
    return torch.stack(chosen, 1)
