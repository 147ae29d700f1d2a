"""Random initialisation: the baseline that learns each episode from scratch."""

from __future__ import annotations

import torch

from worker.metalearning.algorithms.base import GradientDescent, Metrics
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters


class Untrained(GradientDescent):
    """No meta-training: a gradient of zero (its spec has no outer loop, so none is asked for)."""

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Zero."""
        return {name: torch.zeros_like(param) for name, param in params.items()}, {}
