"""Presets of the metric learners (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.specs.presets.parts import DRAWN, GLYPHS, OMNIGLOT, preset

_EVALUATION = {"episodes": 600, "every": 500, "episodes_during_training": 100, "query": 1}


def _omniglot(algorithm: str, outer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "algorithm": algorithm,
        "episodes": {**OMNIGLOT, "query": 5},
        "outer": {"lr": 0.001, "optimizer": "adam", "schedule": "cosine", **outer},
        "evaluation": _EVALUATION,
        "checkpoint_every": 500,
        **more,
    }


METRIC = (
    preset(
        "prototypical-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, trained 60-way",
        "Snell et al. 2017, section 3.1: 60-way training episodes with 5 query drawings",
        _omniglot("prototypical", {"episodes_per_step": 1, "steps": 20_000}, train_way=60),
    ),
    preset(
        "prototypical-glyphs-5-way-1-shot",
        "Drawn glyphs, 5-way 1-shot, a short one",
        DRAWN,
        _omniglot("prototypical", {"episodes_per_step": 4, "steps": 2_000},
                  episodes={**GLYPHS, "query": 5}),
    ),
    preset(
        "matching-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot",
        "Vinyals et al. 2016, section 4.1.1, without full context",
        _omniglot("matching", {"episodes_per_step": 8, "steps": 20_000}),
    ),
    preset(
        "matching-omniglot-5-way-1-shot-full-context",
        "Omniglot, 5-way 1-shot, with full context",
        "Vinyals et al. 2016, section 4.1.1",
        _omniglot("matching", {"episodes_per_step": 8, "steps": 20_000}, full_context=True),
    ),
    preset(
        "siamese-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot",
        "Koch et al. 2015, section 3, on the encoder of the other metric learners",
        _omniglot("siamese", {"episodes_per_step": 8, "steps": 20_000}),
    ),
    preset(
        "relation-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot",
        "Sung et al. 2018, section 4.1",
        _omniglot("relation", {"episodes_per_step": 8, "steps": 20_000}),
    ),
)  # fmt: skip
