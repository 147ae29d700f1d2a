"""Bernoulli bandits as episodes (Duan et al. 2016, arXiv:1611.02779, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from worker.metalearning.distributions.bandit_tasks import bandit_task, bandits_hash
from worker.metalearning.distributions.identity import Split, episode_id
from worker.metalearning.episodes import Episode, EpisodeBatch, Objective
from worker.metalearning.specs import BanditEpisodes


class Bandits:
    """An arm pays 1 with its own probability, drawn from U[0, 1], else 0.

    What every arm would pay at every pull is drawn with the bandit, so that whoever plays it meets
    the same luck: differences between players are paired. Of an episode with A arms and T pulls

        latent     (A,): the probabilities, which no player sees
        support_x  (T, A): what each arm pays at each pull
        support_y  (T, 1): uniform numbers, for players whose choices are random
        query      empty

    Splits differ by seed only.
    """

    source = "bandits"
    objective: Objective = "mse"
    way: int | None = None
    query = 0

    def __init__(self, episodes: BanditEpisodes) -> None:
        self.spec = episodes
        self.hash = bandits_hash(episodes)
        self.input_shape = (episodes.arms,)
        self.outputs = episodes.arms
        self.shot = episodes.pulls

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The episode with id `{hash}:{split}:{seed}:{index}`."""
        name = episode_id(self.hash, split, seed, index)
        task = bandit_task(self.spec, name)
        drawn = (torch.from_numpy(one)[None] for one in (task.means, task.luck, task.choices))
        batch = self._batch(*drawn, ids=(name,))
        return Episode(
            batch.support_x[0], batch.support_y[0], batch.query_x[0], batch.query_y[0], name,
            batch.latent[0],
        )  # fmt: skip

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """`count` fresh bandits."""
        arms, pulls = self.spec.arms, self.spec.pulls
        means = torch.rand(count, arms, generator=generator)
        luck = torch.rand(count, pulls, arms, generator=generator)
        choices = torch.rand(count, pulls, 1, generator=generator)
        return self._batch(means, luck, choices, ids=())

    def _batch(
        self, means: Tensor, luck: Tensor, choices: Tensor, *, ids: tuple[str, ...]
    ) -> EpisodeBatch:
        count, arms = means.shape
        return EpisodeBatch(
            support_x=(luck < means.unsqueeze(1)).float(), support_y=choices.float(),
            query_x=torch.empty(count, 0, arms), query_y=torch.empty(count, 0, 1),
            latent=means.float(), ids=ids,
        )  # fmt: skip
