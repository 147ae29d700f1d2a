"""Stores evaluations: every episode's loss and accuracy at every inner step, and their summary."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db import transaction

from experiments import columns, intervals
from experiments.models import EpisodeAnswers, Evaluation
from experiments.recording.points import lock_run
from experiments.recording.validation import invalid
from experiments.shapes import FloatArray

EPISODES = 100_000
INNER_STEPS = 1_000
NUMBERS = 10_000_000  # in one table
ID_LENGTH = 200


def record_evaluation(
    *,
    run_id: str,
    attempt: int | None,
    name: str,
    split: str,
    step: int,
    episode_ids: Sequence[str],
    losses: FloatArray,
    accuracies: FloatArray | None = None,
    inner_steps: int,
    protocol: Mapping[str, Any],
    illustration: Mapping[str, Any] | None = None,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Evaluation:
    """Stores the evaluation `name` of a run at a meta-step, in the place of an earlier one there.

    `losses` and `accuracies` are (N, S + 1): query loss and accuracy of episode n after s of
    `inner_steps` = S steps; NaN and infinities are kept and left out of the summary. `answers`
    are what the adapted networks answered in some of the episodes. `attempt`: as in `record`.
    Raises Invalid, NotFound, Superseded.
    """
    shape = (len(episode_ids), inner_steps + 1)
    _check_names(name, split, episode_ids)
    losses = _check_table("losses", losses, shape)
    if accuracies is not None:
        accuracies = _check_table("accuracies", accuracies, shape)
    summary = {"loss": intervals.summary(losses)}
    if accuracies is not None:
        summary["accuracy"] = intervals.summary(accuracies)
    with transaction.atomic():
        lock_run(run_id, attempt=attempt)
        evaluation, _ = Evaluation.objects.update_or_create(
            run_id=run_id,
            name=name,
            step=step,
            defaults={
                "split": split,
                "episode_count": shape[0],
                "inner_steps": inner_steps,
                "protocol": dict(protocol),
                "illustration": None if illustration is None else dict(illustration),
                "episode_ids": columns.compress(json.dumps(list(episode_ids)).encode()),
                "losses": columns.pack_table(losses),
                "accuracies": None if accuracies is None else columns.pack_table(accuracies),
                "summary": summary,
            },
        )
        evaluation.answers.all().delete()  # of the parameters before
        EpisodeAnswers.objects.bulk_create(
            EpisodeAnswers(evaluation=evaluation, episode_id=episode_id, document=_packed(document))
            for episode_id, document in (answers or {}).items()
        )
    return evaluation


def _packed(document: Mapping[str, Any]) -> bytes:
    return columns.compress(json.dumps(document, allow_nan=False).encode())


def _check_names(name: str, split: str, episode_ids: Sequence[str]) -> None:
    for field, text, most in (("name", name, 120), ("split", split, 32)):
        if not isinstance(text, str) or not 1 <= len(text) <= most or not text.isprintable():
            raise invalid(field, f"use 1 to {most} printable characters.")
    if not 1 <= len(episode_ids) <= EPISODES:
        raise invalid("episode_ids", f"send 1 to {EPISODES} episodes.")
    seen: set[str] = set()
    for index, one in enumerate(episode_ids):
        field = f"episode_ids[{index}]"
        if not isinstance(one, str) or not 1 <= len(one) <= ID_LENGTH or not one.isprintable():
            raise invalid(field, f"use 1 to {ID_LENGTH} printable characters.")
        if one in seen:
            raise invalid(field, "is there twice; an episode is named once.")
        seen.add(one)


def _check_table(field: str, table: FloatArray, shape: tuple[int, int]) -> FloatArray:
    if not 0 <= shape[1] - 1 <= INNER_STEPS:
        raise invalid("inner_steps", f"use 0 to {INNER_STEPS}.")
    table = np.asarray(table, dtype=np.float64)
    if table.shape != shape or table.size > NUMBERS:
        raise invalid(
            field,
            f"has the shape {table.shape}; needs {shape}: a row per episode, a column per inner "
            f"step from 0, at most {NUMBERS} numbers.",
        )
    return table
