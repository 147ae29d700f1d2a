"""Bernoulli bandits in NumPy, for the catalogue and for evaluation episodes (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.metalearning.distributions.identity import content_hash, episode_generator
from worker.metalearning.specs import BanditEpisodes


@dataclass(frozen=True)
class BanditTask:
    """One bandit: A probabilities, and uniform numbers that decide what happens at T pulls."""

    means: NDArray[np.float64]  # (A,)
    luck: NDArray[np.float64]  # (T, A): an arm pays where its number is below its probability
    choices: NDArray[np.float64]  # (T, 1)


def bandits_hash(episodes: BanditEpisodes) -> str:
    """Content hash of the distribution."""
    return content_hash(
        {
            "source": "bandits",
            "pays": "1 with p ~ U[0, 1], else 0",
            "arms": episodes.arms,
            "pulls": episodes.pulls,
        }
    )


def bandit_task(episodes: BanditEpisodes, name: str) -> BanditTask:
    """The bandit of the episode with this id."""
    numbers = episode_generator(name)
    return BanditTask(
        means=numbers.uniform(size=episodes.arms),
        luck=numbers.uniform(size=(episodes.pulls, episodes.arms)),
        choices=numbers.uniform(size=(episodes.pulls, 1)),
    )
