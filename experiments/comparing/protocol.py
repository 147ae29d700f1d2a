"""Whether evaluations were made under one protocol: what differs, and whether that forbids pairing.

Two evaluations are paired only when they measured the same thing. What a method is free to choose
(the inner steps it trains with, its step size) is named, and does not forbid a comparison.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.models import Evaluation


@dataclass(frozen=True)
class Mismatch:
    """One field that differs. `values` are in the order of the evaluations, "not recorded" where
    missing; `outsiders` are the places of those that differ from the baseline's."""

    field: str
    title: str
    why: str
    values: tuple[str, ...]
    outsiders: tuple[int, ...]
    forbids: bool


@dataclass(frozen=True)
class _Rule:
    title: str
    why: str
    forbids: bool = True


NOT_RECORDED = "not recorded"
# How much was tried: what is left out of these does not shut a run out, but is not compared.
SIZES = ("episode_count", "inner_steps_evaluated")
RULES: dict[str, _Rule] = {
    "source": _Rule("episodes", "Other episodes are another problem"),
    "distribution_hash": _Rule("distribution hash", "Different episodes cannot be paired"),
    "split": _Rule("split", "Training episodes are easier than unseen ones"),
    "seed": _Rule("evaluation seed", "Another seed draws other episodes, which cannot be paired"),
    "way": _Rule("way", "More classes make an episode harder"),
    "shot": _Rule("shot", "More support points make an episode easier"),
    "query": _Rule("query size", "Averages over other query points have another spread"),
    "batch_norm": _Rule(
        "batch-norm mode", "Statistics of the query set leak into the prediction when transductive"
    ),
    "selection": _Rule(
        "tested parameters", "Picking the best by validation is another rule than taking the last"
    ),
    "axis": _Rule(
        "what is counted", "Inner steps and examples seen are not counted alike", forbids=False
    ),
    "episode_count": _Rule("episodes tried", "Only the common ones are paired", forbids=False),
    "inner_steps_evaluated": _Rule(
        "inner steps tried", "Curves end at different steps", forbids=False
    ),
    "inner_steps_trained": _Rule(
        "inner steps trained", "A method's own choice: each has its own best step", forbids=False
    ),
    "inner_lr": _Rule("inner learning rate", "A method's own choice", forbids=False),
    "step_size": _Rule(
        "step size at test", "A baseline's is tuned, as in the paper", forbids=False
    ),
}


def check(evaluations: Sequence[Evaluation], *, baseline: int = 0) -> list[Mismatch]:
    """Every protocol field on which the evaluations disagree, those that forbid pairing first."""
    found = [
        mismatch
        for field, rule in RULES.items()
        if (mismatch := _mismatch(evaluations, field, rule, baseline)) is not None
    ]
    return sorted(found, key=lambda one: not one.forbids)


def outsiders(mismatches: Sequence[Mismatch]) -> set[int]:
    """The places of evaluations that must not be paired with the baseline."""
    return {place for one in mismatches if one.forbids for place in one.outsiders}


def _mismatch(
    evaluations: Sequence[Evaluation], field: str, rule: _Rule, baseline: int
) -> Mismatch | None:
    values = [_value(evaluation, field) for evaluation in evaluations]
    if len(set(values)) < 2:
        return None
    return Mismatch(
        field=field,
        title=rule.title,
        why=rule.why,
        values=tuple(values),
        outsiders=tuple(i for i, value in enumerate(values) if value != values[baseline]),
        forbids=rule.forbids,
    )


def _value(evaluation: Evaluation, field: str) -> str:
    """As text. Facts that the row itself knows are taken from there when nobody wrote them."""
    known: dict[str, Any] = {
        "episode_count": evaluation.episode_count,
        "inner_steps_evaluated": evaluation.inner_steps,
        "split": evaluation.split,
        "axis": "inner_steps",
    }
    value = evaluation.protocol.get(field, known.get(field))
    if value is None:
        return NOT_RECORDED
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
