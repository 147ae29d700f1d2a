"""RL^2's training, and results on bandits: regret by the number of pulls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from worker.metalearning.algorithms.base import Crew, Metrics, Sums
from worker.metalearning.bandits import regrets
from worker.metalearning.bandits.rl2 import Played, Rl2Policy, advantages
from worker.metalearning.bandits.rules import Gittins, Random, Rule, Thompson, Ucb1, play
from worker.metalearning.calling import Functional
from worker.metalearning.episodes import EpisodeBatch, TaskDistribution
from worker.metalearning.networks import Parameters
from worker.metalearning.specs import BanditRuleSpec, PolicyGradient

LEAST = 128  # episodes that share each step of the recurrent policy

Player = Callable[[Parameters, EpisodeBatch], Tensor]  # arms (E, T)


@dataclass(frozen=True)
class BanditAdapter:
    """A player of bandits as evaluations use it: its steps are pulls, its loss is regret."""

    player: Player
    steps: int  # T

    @property
    def facts(self) -> dict[str, Any]:
        """See Adapter."""
        return {"inner_lr": None, "adapts": True, "axis": "pulls"}

    def predictions(
        self, params: Parameters, batch: EpisodeBatch, inputs: Sequence[Tensor]
    ) -> Iterator[list[Tensor]]:
        """None: a bandit has no query set."""
        return iter(())

    def results(
        self, params: Parameters, batch: EpisodeBatch, distribution: TaskDistribution
    ) -> tuple[Tensor, Tensor | None]:
        """Regret so far `(E, T + 1)` after each number of pulls."""
        with torch.no_grad():
            return regrets(batch, self.player(params, batch)), None


class Rl2:
    """An advantage actor-critic on whole bandits: the gradient, for each batch, of

        -log pi(a_t) A_t + value_weight (V_t - A_t - V_t')^2 - entropy_weight H_t,

    the mean over pulls and episodes, V' and the advantages A (GAE) taken as constants. Duan et al.
    use TRPO; their advantages, discount and policy are the same.
    """

    def __init__(
        self, network: Rl2Policy, crew: Crew, *, pulls: int, gradient: PolicyGradient
    ) -> None:
        self.crew = crew
        self.pulls = pulls
        self.spec = gradient
        self._call = Functional(network)

    def initial(self, params: Parameters) -> Parameters:
        """The policy's own."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing beside the losses."""
        return {}

    def adapter(self, steps: int, step_size: float | None = None) -> BanditAdapter:
        """The policy with the state it has after each pull."""
        return BanditAdapter(lambda params, batch: self._play(params, batch).arms, self.pulls)

    def _play(self, params: Parameters, batch: EpisodeBatch) -> Played:
        played: Played = self._call(params, batch.support_x, batch.support_y)
        return played

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes. `reward` is of a whole bandit, `regret` as well."""
        return self.crew.mean(batch, lambda part: self._sums(params, part), LEAST)

    def _sums(self, params: Parameters, part: EpisodeBatch) -> Sums:
        sums = Sums()
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        with torch.enable_grad():
            played = self._play(leaves, part)
            losses = self.losses(played)
            found = torch.autograd.grad(losses.sum(), list(leaves.values()))
        sums.add_gradient(
            {name: value.unsqueeze(0) for name, value in zip(params, found, strict=True)}
        )
        sums.add_metrics(
            policy_loss=losses.detach(),
            reward=played.rewards.sum(1),
            regret=regrets(part, played.arms)[:, -1],
            entropy=played.entropies.detach().mean(1),
        )
        return sums

    def losses(self, played: Played) -> Tensor:
        """Of each episode `(E,)`, the mean over its pulls."""
        values = played.values.detach()
        gains = advantages(
            played.rewards, values,
            discount=self.spec.discount, gae_lambda=self.spec.gae_lambda,
        )  # fmt: skip
        errors = (played.values - (gains + values)).square()
        each = -played.log_probabilities * gains + self.spec.value_weight * errors
        return (each - self.spec.entropy_weight * played.entropies).mean(1)


class Unlearned(nn.Module):
    """What a rule knows: how far it explores."""

    def __init__(self, exploration: float) -> None:
        super().__init__()
        self.exploration = nn.Parameter(torch.tensor(exploration))


class BanditRule:
    """A rule in the place of a learned policy; nothing is trained."""

    def __init__(self, spec: BanditRuleSpec) -> None:
        self.spec = spec
        self.pulls = spec.episodes.pulls
        self._gittins = Gittins(self.pulls) if spec.rule == "gittins" else None

    def initial(self, params: Parameters) -> Parameters:
        """What the rule knows."""
        return params

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Nothing."""
        return {}

    def adapter(self, steps: int, step_size: float | None = None) -> BanditAdapter:
        """The rule, pull by pull."""
        return BanditAdapter(lambda params, batch: play(self._rule(batch), batch), self.pulls)

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Zero; its spec has no outer loop, so none is asked for."""
        return {name: torch.zeros_like(param) for name, param in params.items()}, {}

    def _rule(self, batch: EpisodeBatch) -> Rule:
        if self._gittins is not None:
            return self._gittins
        if self.spec.rule == "ucb1":
            return Ucb1(self.spec.exploration)
        return Thompson(batch) if self.spec.rule == "thompson" else Random(batch)
