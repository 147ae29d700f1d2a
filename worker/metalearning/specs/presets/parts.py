"""What presets are made of (no torch)."""

from __future__ import annotations

from typing import Any

FINN_SINUSOID = "Finn et al. 2017, section 5.1 and appendix A.1"
FINN_OMNIGLOT = "Finn et al. 2017, section 5.2 and appendix A.1"
SHORT = "Metascope: the paper's experiment cut short for a first comparison"

MLP = {"kind": "mlp", "hidden": [40, 40]}
TEN_SHOT = {"source": "sinusoid", "shot": 10, "query": 10}
FIVE_SHOT = {"source": "sinusoid", "shot": 5, "query": 5}
PAPER_OUTER = {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 25, "steps": 70_000}
SHORT_OUTER = {**PAPER_OUTER, "steps": 5_000}
EVALUATION = {"episodes": 600, "steps": 10, "every": 1000, "episodes_during_training": 100}
OMNIGLOT = {"source": "omniglot", "way": 5, "shot": 1, "query": 1}
GLYPHS = {"source": "glyphs", "way": 5, "shot": 1, "query": 1}
MINI_IMAGENET = {"source": "images", "dataset": "mini-imagenet", "way": 5, "shot": 1, "query": 15}
DRAWN = "Metascope: characters drawn by the program, nothing to download"
OMNIGLOT_OUTER = {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 32, "steps": 60_000}
ONE_STEP = {"lr": 0.01, "steps": 1}


def sinusoid(
    algorithm: str, episodes: dict[str, Any], outer: dict[str, Any] | None, **more: Any
) -> dict[str, Any]:
    spec = {
        "algorithm": algorithm,
        "episodes": episodes,
        "network": MLP,
        "evaluation": {**EVALUATION, "query": episodes["query"]},
        **more,
    }
    if outer is not None:
        spec["outer"] = outer
    return spec


def preset(name: str, title: str, source: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": title, "source": source, "spec": spec}


def omniglot(inner: dict[str, Any], outer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "algorithm": "maml",
        "episodes": OMNIGLOT,
        "network": {"kind": "conv4", "filters": 64},
        "inner": inner,
        "outer": outer,
        "evaluation": {"episodes": 600, "steps": 3, "every": 500,
                       "episodes_during_training": 100, "query": 1},
        "checkpoint_every": 500,
        **more,
    }  # fmt: skip
