"""Players of bandits: learned (RL^2), and by rule."""

from __future__ import annotations

import torch
from torch import Tensor

from worker.metalearning.episodes import EpisodeBatch


def regrets(batch: EpisodeBatch, chosen: Tensor) -> Tensor:
    """Regret so far `(E, T + 1)`, float64, after 0 to T pulls of the arms `(E, T)`: what the best
    arm pays on average, less what the pulled ones do."""
    means = batch.latent.double()
    lost = means.max(1, keepdim=True).values - means.gather(1, chosen.to(means.device))
    return torch.cat([lost.new_zeros(len(lost), 1), lost.cumsum(1)], 1)
