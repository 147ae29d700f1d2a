"""Evaluations with chosen losses, as the recorder would have stored them."""

import json
from typing import Any

import numpy as np

from experiments import columns, intervals
from experiments.models import Evaluation, Run
from tests.factories import make_run

PROTOCOL = {
    "source": "sinusoid",
    "way": None,
    "shot": 10,
    "query": 10,
    "batch_norm": "none",
    "distribution_hash": "5105",
    "seed": 0,
    "split": "test",
    "selection": "last",
    "inner_steps_trained": 1,
}


def evaluation(
    losses: np.ndarray,
    run: Run | None = None,
    *,
    name: str = "test",
    step: int = 200,
    accuracies: np.ndarray | None = None,
    illustration: Any = None,
    **protocol: Any,
) -> Evaluation:
    """An evaluation of `losses` (N, S + 1) on episodes 5105:test:0:0 to N - 1."""
    count, steps = losses.shape
    ids = [f"5105:{name}:0:{i}" for i in range(count)]
    summary = {"loss": intervals.summary(losses)}
    if accuracies is not None:
        summary["accuracy"] = intervals.summary(accuracies)
    return Evaluation.objects.create(
        run=run or make_run(),
        name=name,
        split=name,
        step=step,
        episode_count=count,
        inner_steps=steps - 1,
        protocol={**PROTOCOL, "split": name, **protocol},
        illustration=illustration,
        episode_ids=columns.compress(json.dumps(ids).encode()),
        losses=columns.pack_table(losses),
        accuracies=None if accuracies is None else columns.pack_table(accuracies),
        summary=summary,
    )
