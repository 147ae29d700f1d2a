"""Trying parameters on held-out episodes: every episode's result, after every inner step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.metalearning.adaptation import accuracies_of, losses_of
from worker.metalearning.adapters import Adapter, Scoring
from worker.metalearning.distributions.identity import Split
from worker.metalearning.episodes import EpisodeBatch, TaskDistribution, sample_range
from worker.metalearning.networks import Parameters

CHUNK = 100  # episodes evaluated at once, at most: part of the arithmetic's order
CHUNK_ELEMENTS = 800_000  # input values evaluated at once: bounds memory to some hundred MB


@dataclass(frozen=True)
class EvaluationResult:
    """Query results of every episode; column s is after s inner steps."""

    name: str  # "test" or "validation"
    split: Split
    step: int  # meta-steps made by the parameters evaluated
    episode_ids: list[str]
    losses: NDArray[np.float64]  # (E, steps + 1)
    accuracies: NDArray[np.float64] | None  # (E, steps + 1)
    protocol: dict[str, Any]
    illustration: dict[str, Any] | None = None
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)  # documents by episode id
    initialisation: dict[str, Any] | None = None  # what was tested, as plain numbers

    def interval(self, inner_step: int, *, of: str = "losses") -> tuple[float, float]:
        """Mean over episodes and half width of its 95 % interval (normal: 1.96 standard errors)."""
        values = self.losses if of == "losses" else self.accuracies
        assert values is not None
        column = values[:, inner_step]
        if len(column) < 2:
            return float(column.mean()), math.nan
        return float(column.mean()), float(1.96 * column.std(ddof=1) / math.sqrt(len(column)))


def episode_results(
    adapter: Adapter, params: Parameters, batch: EpisodeBatch
) -> tuple[Tensor, Tensor | None]:
    """Query losses, and accuracies for classification: `(E, steps + 1)` float64 each."""
    classify = not batch.query_y.is_floating_point()
    losses: list[Tensor] = []
    accuracies: list[Tensor] = []
    for [outputs] in adapter.predictions(params, batch, [batch.query_x]):
        objective = "cross_entropy" if classify else "mse"
        query_y = batch.query_y if classify else batch.query_y.double()
        losses.append(losses_of(outputs.double(), query_y, objective))  # type: ignore[arg-type]
        if classify:
            accuracies.append(accuracies_of(outputs, batch.query_y))
    return torch.stack(losses, 1), torch.stack(accuracies, 1) if classify else None


def evaluate(
    adapter: Adapter, params: Parameters, distribution: TaskDistribution, *,
    name: str, split: Split, seed: int, episodes: int, step: int, protocol: dict[str, Any],
) -> EvaluationResult:  # fmt: skip
    """Results on the episodes `{hash}:{split}:{seed}:0` to `episodes - 1`."""
    device = next((param.device for param in params.values()), torch.device("cpu"))
    ids: list[str] = []
    losses: list[Tensor] = []
    accuracies: list[Tensor] = []
    chunk = _chunk(distribution, split, seed)
    for start in range(0, episodes, chunk):
        batch = sample_range(distribution, split, seed, start, min(start + chunk, episodes))
        batch = batch.to(device)
        if isinstance(adapter, Scoring):
            found, scores = adapter.results(params, batch, distribution)
        else:
            found, scores = episode_results(adapter, params, batch)
        ids.extend(batch.ids)
        losses.append(found.cpu())
        if scores is not None:
            accuracies.append(scores.cpu())
    facts = {
        "source": distribution.source, "way": distribution.way, "shot": distribution.shot,
        "query": distribution.query, "inner_steps_evaluated": adapter.steps,
        "distribution_hash": distribution.hash, "episode_count": episodes, "split": split,
        "seed": seed,
    }  # fmt: skip
    return EvaluationResult(
        name=name, split=split, step=step, episode_ids=ids, losses=torch.cat(losses).numpy(),
        accuracies=torch.cat(accuracies).numpy() if accuracies else None,
        protocol={**facts, **protocol, **adapter.facts},
    )  # fmt: skip


def _chunk(distribution: TaskDistribution, split: Split, seed: int) -> int:
    first = distribution.sample(split, 0, seed)
    return max(1, min(CHUNK, CHUNK_ELEMENTS // (first.support_x.numel() + first.query_x.numel())))


def tuned_step_size(
    adapter_of: Callable[[float], Adapter], params: Parameters, distribution: TaskDistribution, *,
    step_sizes: tuple[float, ...], seed: int, episodes: int,
) -> tuple[float, dict[float, float]]:  # fmt: skip
    """The step size with the lowest validation loss, and the loss of each one tried.

    The loss is the mean over episodes and over inner steps 1 to `steps`, so that the choice favours
    no single step of the adaptation curve. A step size that diverges loses.
    """
    tried: dict[float, float] = {}
    for lr in step_sizes:
        result = evaluate(
            adapter_of(lr), params, distribution, name="validation",
            split="validation", seed=seed, episodes=episodes, step=0, protocol={},
        )  # fmt: skip
        mean = float(result.losses[:, 1:].mean())
        tried[lr] = mean if math.isfinite(mean) else math.inf
    return min(tried, key=lambda lr: tried[lr]), tried


def metrics_of(result: EvaluationResult, trained_steps: int) -> dict[str, float]:
    """Means over the episodes, before adaptation, after 1, the trained number and all steps. Names
    say what was counted: inner steps, examples seen, or pulls, whose loss is regret."""
    last = result.losses.shape[1] - 1
    axis = result.protocol.get("axis", "")
    counted = {"examples_seen": "seen", "pulls": "pulls"}.get(axis, "step")
    loss = "regret" if axis == "pulls" else "query_loss"
    metrics: dict[str, float] = {}
    for step in sorted({0, min(1, last), min(trained_steps, last), last}):
        metrics[f"{result.name}/{loss}_{counted}_{step}"] = float(result.losses[:, step].mean())
        if result.accuracies is not None:
            accuracy = float(result.accuracies[:, step].mean())
            metrics[f"{result.name}/query_accuracy_{counted}_{step}"] = accuracy
    return metrics
