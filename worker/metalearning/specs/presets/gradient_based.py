"""Presets of the algorithms that learn an initialisation (no torch)."""

from __future__ import annotations

from worker.metalearning.specs.presets.parts import (
    FINN_OMNIGLOT,
    FINN_SINUSOID,
    FIVE_SHOT,
    ONE_STEP,
    PAPER_OUTER,
    SHORT,
    SHORT_OUTER,
    TEN_SHOT,
    omniglot,
    preset,
    sinusoid,
)

GRADIENT_BASED = (
    preset(
        "maml-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("maml", TEN_SHOT, SHORT_OUTER, inner=ONE_STEP),
    ),
    preset(
        "maml-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        FINN_SINUSOID,
        sinusoid("maml", TEN_SHOT, PAPER_OUTER, inner=ONE_STEP, checkpoint_every=5000),
    ),
    preset(
        "maml-sinusoid-5-shot",
        "Sinusoid, 5 shots, as in the paper",
        FINN_SINUSOID,
        sinusoid("maml", FIVE_SHOT, PAPER_OUTER, inner=ONE_STEP, checkpoint_every=5000),
    ),
    preset(
        "maml-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, as in the paper",
        FINN_OMNIGLOT,
        omniglot(
            {"lr": 0.4, "steps": 1},
            {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 32, "steps": 60_000},
        ),
    ),
    preset(
        "maml-omniglot-5-way-1-shot-hour",
        "Omniglot, 5-way 1-shot, 98 % in an hour on two cores",
        "Metascope: the paper's protocol with 16 episodes a meta-step and a cosine schedule",
        omniglot(
            {"lr": 0.4, "steps": 1},
            {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 16, "steps": 16_000,
             "schedule": "cosine"},
        ),
    ),
    preset(
        "fomaml-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("fomaml", TEN_SHOT, SHORT_OUTER, inner=ONE_STEP),
    ),
    preset(
        "reptile-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("reptile", TEN_SHOT, SHORT_OUTER, inner={"lr": 0.01, "steps": 5}),
    ),
)  # fmt: skip
