"""Hand-made optimizers, each with the rate that suits the problems best.

As in Andrychowicz et al. 2016 (section 3): "we tuned the learning rate, and report results with the
rate that gives the best final error for each problem".
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from worker.metalearning.distributions.problems import DigitsProblems, QuadraticProblems
from worker.metalearning.evaluation import EvaluationResult, evaluate
from worker.metalearning.optimizing.rules import HandMadeRule
from worker.metalearning.optimizing.trying import OptimizerAdapter
from worker.metalearning.specs import (
    HAND_MADE_RULES,
    HandMade,
    LstmOptimizerSpec,
    RateTuning,
)

PREFIX = "hand-made "  # of an evaluation's name: "hand-made Adam"
Distribution = QuadraticProblems | DigitsProblems


def hand_made_adapter(
    kind: HandMade, rate: float, *, steps: int, tuned_for: int, scores_last_only: bool = False
) -> OptimizerAdapter:
    """A hand-made rule as evaluations use it."""
    facts = {"way": None, "shot": None, "inner_lr": rate, "adapts": True,
             "inner_steps_trained": tuned_for}  # fmt: skip
    return OptimizerAdapter(HandMadeRule(kind, rate), steps, facts, scores_last_only)


def tuned_rate(
    kind: HandMade, tuning: RateTuning, horizon: int, distribution: Distribution, seed: int
) -> tuple[float, dict[float, float]]:
    """The rate with the lowest mean loss after `horizon` steps on problems of the training split,
    and the loss of each one tried. A rate that diverges on any problem loses."""
    tried: dict[float, float] = {}
    for rate in tuning.step_sizes:
        adapter = hand_made_adapter(
            kind, rate, steps=horizon, tuned_for=horizon, scores_last_only=True
        )
        result = evaluate(
            adapter, {}, distribution, name="tuning", split="train", seed=seed,
            episodes=tuning.episodes, step=0, protocol={},
        )  # fmt: skip
        mean = float(result.losses.mean())
        tried[rate] = mean if math.isfinite(mean) else math.inf
    return min(tried, key=lambda rate: tried[rate]), tried


def opponents(
    spec: LstmOptimizerSpec, distribution: Distribution, step: int
) -> Iterator[tuple[EvaluationResult, str]]:
    """Each hand-made optimizer on the test problems, and how its rate was found."""
    if not spec.opponents.tried:
        return
    seed, horizon = spec.evaluation.seed, spec.inner.steps
    for title, kind in HAND_MADE_RULES.items():
        rate, tried = tuned_rate(kind, spec.opponents, horizon, distribution, seed)
        adapter = hand_made_adapter(kind, rate, steps=spec.evaluation.steps, tuned_for=horizon)
        result = evaluate(
            adapter, {}, distribution, name=PREFIX + title, split="test", seed=seed,
            episodes=spec.evaluation.episodes, step=step,
            protocol={"algorithm": "hand_made_optimizer", "batch_norm": "none",
                      "step_size": "tuned", "selection": "last"},
        )  # fmt: skip
        yield result, f"{title}: {tuning_text(rate, tried)}"


def tuning_text(rate: float, tried: dict[float, float]) -> str:
    """Which rate was chosen, of which, and whether a better one may lie beyond them."""
    text = ", ".join(f"{lr:g}: {loss:.4g}" for lr, loss in tried.items())
    edge = rate in (min(tried), max(tried)) and len(tried) > 1
    beyond = "; it is the outermost, a better one may lie beyond" if edge else ""
    return f"rate {rate:g} chosen{beyond} (loss by rate: {text})"
