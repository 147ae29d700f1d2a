"""One network for all episodes pooled: the pretrained baseline, and the oracle.

Finn et al. 2017, section 5.1: "pretraining on all of the tasks, which entails training a network
to regress to random sinusoid functions and then, at test-time, fine-tuning with gradient descent on
the K provided points, using an automatically tuned step size". The oracle is the same training with
amplitude and phase among the inputs.
"""

from __future__ import annotations

import torch

from worker.metalearning.algorithms.base import GradientDescent, Metrics
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters


class Pooled(GradientDescent):
    """Gradient of the mean loss over all points of all episodes."""

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """All episodes as one set, support and query alike; `query_loss` is the mean loss."""
        x = torch.cat([batch.support_x, batch.query_x], dim=1).flatten(0, 1).unsqueeze(0)
        y = torch.cat([batch.support_y, batch.query_y], dim=1).flatten(0, 1).unsqueeze(0)
        alone = {name: param.unsqueeze(0) for name, param in params.items()}
        found = self.formulation.gradients(alone, x, y, second_order=False)
        gradient = {name: values[0] for name, values in found.gradients.items()}
        return gradient, {"query_loss": found.losses[0]}
