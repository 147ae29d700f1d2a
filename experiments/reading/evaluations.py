"""Evaluations decoded: every episode, and the mean over them against the inner step."""

import json
from typing import Any

import numpy as np

from experiments import columns, intervals
from experiments.errors import NotFound
from experiments.models import Evaluation
from experiments.shapes import AdaptationCurve, Episodes


def episodes(evaluation: Evaluation) -> Episodes:
    """All episodes of an evaluation in the order they were recorded."""
    shape = (evaluation.episode_count, evaluation.inner_steps + 1)
    accuracies = evaluation.accuracies
    return Episodes(
        ids=tuple(json.loads(columns.decompress(evaluation.episode_ids))),
        losses=columns.unpack_table(evaluation.losses, shape),
        accuracies=None if accuracies is None else columns.unpack_table(accuracies, shape),
    )


def adaptation(evaluation: Evaluation, metric: str = "loss") -> AdaptationCurve:
    """The mean of "loss" or "accuracy" over the episodes after each inner step.

    Raises NotFound when the evaluation has no accuracies.
    """
    found = episodes(evaluation)
    table = found.losses if metric == "loss" else found.accuracies
    if table is None or metric not in ("loss", "accuracy"):
        raise NotFound(
            f"Evaluation {evaluation.name} has no {metric}; ask for loss.", code="metric_not_found"
        )
    means = intervals.means(table)
    trained = evaluation.protocol.get("inner_steps_trained")
    return AdaptationCurve(
        run_id=evaluation.run_id,
        evaluation_id=evaluation.id,
        metric=metric,
        inner_steps=np.arange(evaluation.inner_steps + 1, dtype=np.int64),
        mean=means.mean,
        half_width=means.half_width,
        counts=means.counts,
        nonfinite=means.nonfinite,
        episode_count=evaluation.episode_count,
        trained_inner_steps=trained if isinstance(trained, int) else None,
        axis=evaluation.axis,
    )


def answers(evaluation: Evaluation, episode_id: str) -> dict[str, Any] | None:
    """What the adapted network answered in an episode; None where that was not kept."""
    row = evaluation.answers.filter(episode_id=episode_id).first()
    if row is None:
        return None
    found: dict[str, Any] = json.loads(columns.decompress(row.document))
    return found


def answered(evaluation: Evaluation) -> set[str]:
    """The episodes of an evaluation whose answers are kept."""
    return set(evaluation.answers.values_list("episode_id", flat=True))
