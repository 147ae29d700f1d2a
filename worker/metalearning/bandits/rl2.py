"""RL^2 (Duan et al. 2016, arXiv:1611.02779): a policy with a memory that learns to explore."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Played:
    """What was done at each of T pulls of E bandits, `(E, T)` each."""

    arms: Tensor
    rewards: Tensor
    log_probabilities: Tensor  # of the arms pulled
    entropies: Tensor
    values: Tensor  # the baseline, before each pull


class Rl2Policy(nn.Module):
    """A GRU that sees the last action, its reward and whether that ended a trial (section 2.2); it
    does for every pull, as a bandit has no state. Its output is a distribution over arms, and the
    baseline's guess of the rewards to come."""

    def __init__(self, arms: int, hidden: int) -> None:
        super().__init__()
        self.arms = arms
        self.cell = nn.GRUCell(arms + 2, hidden)
        self.policy = nn.Linear(hidden, arms)
        self.value = nn.Linear(hidden, 1)

    def forward(self, pays: Tensor, uniform: Tensor) -> Played:
        """Play `pays` `(E, T, A)`, choosing by the numbers `uniform` `(E, T, 1)`."""
        seen = pays.new_zeros(len(pays), self.arms + 2)
        hidden = pays.new_zeros(len(pays), self.cell.hidden_size)
        steps = []
        for paid, number in zip(pays.unbind(1), uniform.unbind(1), strict=True):
            hidden = self.cell(seen, hidden)
            logs = self.policy(hidden).log_softmax(-1)
            arm = drawn(logs.detach().exp(), number)
            reward = paid.gather(1, arm)
            seen = torch.cat(
                [torch.zeros_like(paid).scatter(1, arm, 1.0), reward, torch.ones_like(reward)], 1
            )
            entropy = -(logs.exp() * logs).sum(1, keepdim=True)
            steps.append((arm, reward, logs.gather(1, arm), entropy, self.value(hidden)))
        return Played(*(torch.cat(column, 1) for column in zip(*steps, strict=True)))


def drawn(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The arm `(E, 1)` in whose share of `(E, A)` a number of [0, 1) falls."""
    bounds = probabilities.cumsum(1)
    return (bounds[:, :-1] <= uniform).sum(1, keepdim=True)


def advantages(rewards: Tensor, values: Tensor, *, discount: float, gae_lambda: float) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2016, equation 16): of rewards and values
    `(E, T)`, with nothing after the last pull."""
    found, following = [], rewards.new_zeros(len(rewards))
    after = torch.cat([values[:, 1:], values.new_zeros(len(values), 1)], 1)
    surprises = rewards + discount * after - values
    for surprise in reversed(surprises.unbind(1)):
        following = surprise + discount * gae_lambda * following
        found.append(following)
    return torch.stack(found[::-1], 1)
