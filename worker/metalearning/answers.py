"""What a network answers in single episodes: the support set, and its predictions on the query set
before and after each inner step, as JSON values.

An episode is sampled again from its id, so any of an evaluation can be answered, at once or later.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.metalearning.adaptation import losses_of
from worker.metalearning.adapters import Adapter
from worker.metalearning.distributions.identity import Split
from worker.metalearning.distributions.sinusoid import Sinusoid, told
from worker.metalearning.episodes import EpisodeBatch, Objective, TaskDistribution, sample_range
from worker.metalearning.networks import Parameters

WORST = 5
MOST_STEPS = 21  # columns of predictions kept, step 0 and the last among them
MOST_EXAMPLES = 100  # of a set; more are thinned out evenly
MOST_NUMBERS = 16  # of an input that is no picture
GRID_POINTS = 100
DIGITS = 5


@dataclass(frozen=True)
class Answers:
    """One episode; `document` is described in docs/meta-learning-views.md."""

    episode_id: str
    document: dict[str, Any]


def telling_places(
    losses: NDArray[np.float64], accuracies: NDArray[np.float64] | None = None
) -> list[int]:
    """Places of the episodes worth keeping: the worst ones, the median and the best.

    Both are of one inner step. Worse is a lower accuracy, then a higher loss; a loss that is not
    finite is worse than all that are.
    """
    high = np.where(np.isfinite(losses), losses, np.inf)
    order = np.lexsort((-high, np.zeros(len(losses)) if accuracies is None else accuracies))
    chosen = [*order[:WORST], order[len(order) // 2], order[-1]]
    return list(dict.fromkeys(int(place) for place in chosen))


def answers(
    adapter: Adapter, params: Parameters, distribution: TaskDistribution, *,
    split: Split, seed: int, index: int,
) -> Answers:  # fmt: skip
    """The episode `{hash}:{split}:{seed}:{index}`, adapted as an evaluation adapts it."""
    device = next(iter(params.values())).device
    batch = sample_range(distribution, split, seed, index, index + 1).to(device)
    kept = _kept_steps(adapter.steps)
    outputs, curves = _outputs(adapter, params, batch, distribution, kept)
    classify = not batch.query_y.is_floating_point()
    objective: Objective = "cross_entropy" if classify else "mse"
    query_y = batch.query_y if classify else batch.query_y.double()
    document: dict[str, Any] = {
        "kind": "classification" if classify else "regression",
        "inner_steps": kept,
        "losses": [_finite(float(losses_of(one.double(), query_y, objective))) for one in outputs],
        "support": _set(batch.support_x[0], batch.support_y[0]),
        "query": _set(batch.query_x[0], batch.query_y[0]),
    }
    places = _places(batch.query_x.shape[1])
    if classify:
        shares = [one[0, places].double().softmax(-1) for one in outputs]
        document["predicted"] = [share.argmax(-1).tolist() for share in shares]
        document["confidence"] = [_rounded(share.max(-1).values) for share in shares]
    else:
        document["predicted"] = [_rounded(one[0, places, 0]) for one in outputs]
    if isinstance(distribution, Sinusoid):
        document["curve"] = _curve(distribution, batch, curves)
    return Answers(batch.ids[0], document)


def _kept_steps(steps: int) -> list[int]:
    """0 to `steps`, thinned out evenly when they are many."""
    return sorted({round(step) for step in np.linspace(0, steps, min(steps + 1, MOST_STEPS))})


def _outputs(
    adapter: Adapter, params: Parameters, batch: EpisodeBatch, distribution: TaskDistribution,
    kept: list[int],
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """Outputs on the query set and, of sinusoids, along the grid, at each kept step."""
    inputs = [batch.query_x]
    if isinstance(distribution, Sinusoid):
        inputs.append(_grid_inputs(distribution, batch))
    outputs: list[Tensor] = []
    curves: list[Tensor] = []
    for step, found in enumerate(adapter.predictions(params, batch, inputs)):
        if step in kept:
            outputs.append(found[0])
            curves.extend(found[1:])
    return outputs, curves


def _grid(distribution: Sinusoid) -> Tensor:
    reach = distribution.spec.x_range
    return torch.linspace(-reach, reach, GRID_POINTS)


def _grid_inputs(distribution: Sinusoid, batch: EpisodeBatch) -> Tensor:
    grid = _grid(distribution).to(batch.support_x.device)[None, :, None]
    return told(grid, batch.latent) if distribution.input_shape == (3,) else grid


def _curve(distribution: Sinusoid, batch: EpisodeBatch, curves: list[Tensor]) -> dict[str, Any]:
    """The true sine along the grid, and the network's own curve at each kept step."""
    grid = _grid(distribution)
    amplitude, phase = batch.latent[0].cpu()
    return {
        "x": _rounded(grid),
        "true": _rounded(amplitude * torch.sin(grid - phase)),
        "predicted": [_rounded(one[0, :, 0]) for one in curves],
    }


def _set(x: Tensor, y: Tensor) -> dict[str, Any]:
    """A support or query set: pictures `(C, H, W)` as bytes, short inputs as numbers."""
    places = _places(len(x))
    x, y = x[places].cpu(), y[places].cpu()
    found: dict[str, Any] = {
        "count": len(x),
        "y": y.tolist() if not y.is_floating_point() else _rounded(y[:, 0]),
    }
    if x.dim() == 4 and x.shape[1] in (1, 3):
        pixels = (x.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        found["shape"] = list(x.shape[1:])
        found["pixels"] = base64.b64encode(pixels.tobytes()).decode()
    elif x[0].numel() <= MOST_NUMBERS:
        found["x"] = [_rounded(one.flatten()) for one in x]
    return found


def _places(count: int) -> list[int]:
    """Which examples of a set are kept: all, or so many evenly from first to last."""
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, MOST_EXAMPLES))})


def _rounded(values: Tensor) -> list[float | None]:
    return [_finite(float(f"{v:.{DIGITS}g}")) for v in values.double().flatten().tolist()]


def _finite(value: float) -> float | None:
    """None for what is not finite: JSON has no word for it."""
    return value if math.isfinite(value) else None
