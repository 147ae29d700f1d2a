"""The picture of the MAML paper's Figure 2: a network's curve before and after adaptation."""

from __future__ import annotations

from typing import Any

import torch

from worker.metalearning.adapters import Adapter
from worker.metalearning.distributions.sinusoid import Sinusoid, told
from worker.metalearning.episodes import sample_range
from worker.metalearning.networks import Parameters

EPISODES = 2
POINTS = 100
STEPS = (0, 1, 10)


def sinusoid_illustration(
    adapter: Adapter, params: Parameters, distribution: Sinusoid, seed: int
) -> dict[str, Any]:
    """The first two test episodes: support points, true curve, predictions after 0, 1, 10 steps."""
    device = next(iter(params.values())).device
    batch = sample_range(distribution, "test", seed, 0, EPISODES).to(device)
    reach = distribution.spec.x_range
    grid = torch.linspace(-reach, reach, POINTS, device=device)
    grid_x = grid[:, None].expand(EPISODES, POINTS, 1)
    amplitude, phase = batch.latent[:, :1], batch.latent[:, 1:]
    inputs = told(grid_x, batch.latent) if distribution.input_shape == (3,) else grid_x
    predictions: list[dict[str, list[float]]] = [{} for _ in range(EPISODES)]
    for step, [outputs] in enumerate(adapter.predictions(params, batch, [inputs])):
        if step not in STEPS:
            continue
        for episode, curve in zip(predictions, outputs[..., 0], strict=True):
            episode[str(step)] = curve.tolist()
    return {
        "grid": grid.tolist(),
        "episodes": [
            {
                "id": batch.ids[i],
                "amplitude": float(amplitude[i]),
                "phase": float(phase[i]),
                "support": {
                    "x": batch.support_x[i, :, 0].tolist(),
                    "y": batch.support_y[i, :, 0].tolist(),
                },
                "true": (amplitude[i] * torch.sin(grid - phase[i])).tolist(),
                "predictions": predictions[i],
            }
            for i in range(EPISODES)
        ],
    }
