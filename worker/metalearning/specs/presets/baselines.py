"""Presets of the baselines (no torch)."""

from __future__ import annotations

from worker.metalearning.specs.presets.parts import (
    FINN_SINUSOID,
    PAPER_OUTER,
    SHORT,
    SHORT_OUTER,
    TEN_SHOT,
    preset,
    sinusoid,
)

BASELINES = (
    preset(
        "pretrained-sinusoid-short",
        "Sinusoid, 10 shots, a few seconds",
        SHORT,
        sinusoid("pretrained", TEN_SHOT, SHORT_OUTER),
    ),
    preset(
        "pretrained-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        FINN_SINUSOID,
        sinusoid("pretrained", TEN_SHOT, PAPER_OUTER),
    ),
    preset(
        "random-init-sinusoid",
        "Sinusoid, 10 shots",
        FINN_SINUSOID,
        sinusoid("random_init", TEN_SHOT, None),
    ),
    preset(
        "oracle-sinusoid-short",
        "Sinusoid, 10 shots, a few seconds",
        SHORT,
        sinusoid("oracle", TEN_SHOT, SHORT_OUTER),
    ),
    preset(
        "oracle-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        FINN_SINUSOID,
        sinusoid("oracle", TEN_SHOT, PAPER_OUTER),
    ),
)  # fmt: skip
