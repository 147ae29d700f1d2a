"""Specs ready to run: the papers' settings, and short ones for a first look (no torch)."""

from __future__ import annotations

from typing import Any

_FINN_SINUSOID = "Finn et al. 2017, section 5.1 and appendix A.1"
_FINN_OMNIGLOT = "Finn et al. 2017, section 5.2 and appendix A.1"
_SHORT = "Metascope: the paper's experiment cut short for a first comparison"

_MLP = {"kind": "mlp", "hidden": [40, 40]}
_TEN_SHOT = {"source": "sinusoid", "shot": 10, "query": 10}
_FIVE_SHOT = {"source": "sinusoid", "shot": 5, "query": 5}
_PAPER_OUTER = {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 25, "steps": 70_000}
_SHORT_OUTER = {**_PAPER_OUTER, "steps": 5_000}
_EVALUATION = {"episodes": 600, "steps": 10, "every": 1000, "episodes_during_training": 100}
_OMNIGLOT = {"source": "omniglot", "way": 5, "shot": 1, "query": 1}
_ONE_STEP = {"lr": 0.01, "steps": 1}


def _sinusoid(
    algorithm: str, episodes: dict[str, Any], outer: dict[str, Any] | None, **more: Any
) -> dict[str, Any]:
    spec = {
        "algorithm": algorithm,
        "episodes": episodes,
        "network": _MLP,
        "evaluation": {**_EVALUATION, "query": episodes["query"]},
        **more,
    }
    if outer is not None:
        spec["outer"] = outer
    return spec


def _preset(name: str, title: str, source: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": title, "source": source, "spec": spec}


def _omniglot(inner: dict[str, Any], outer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "algorithm": "maml",
        "episodes": _OMNIGLOT,
        "network": {"kind": "conv4", "filters": 64},
        "inner": inner,
        "outer": outer,
        "evaluation": {"episodes": 600, "steps": 3, "every": 500,
                       "episodes_during_training": 100, "query": 1},
        "checkpoint_every": 500,
        **more,
    }  # fmt: skip


PRESETS: tuple[dict[str, Any], ...] = (
    _preset(
        "maml-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        _SHORT,
        _sinusoid("maml", _TEN_SHOT, _SHORT_OUTER, inner=_ONE_STEP),
    ),
    _preset(
        "maml-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        _FINN_SINUSOID,
        _sinusoid("maml", _TEN_SHOT, _PAPER_OUTER, inner=_ONE_STEP, checkpoint_every=5000),
    ),
    _preset(
        "maml-sinusoid-5-shot",
        "Sinusoid, 5 shots, as in the paper",
        _FINN_SINUSOID,
        _sinusoid("maml", _FIVE_SHOT, _PAPER_OUTER, inner=_ONE_STEP, checkpoint_every=5000),
    ),
    _preset(
        "maml-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, as in the paper",
        _FINN_OMNIGLOT,
        _omniglot(
            {"lr": 0.4, "steps": 1},
            {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 32, "steps": 60_000},
        ),
    ),
    _preset(
        "maml-omniglot-5-way-1-shot-hour",
        "Omniglot, 5-way 1-shot, 98 % in an hour on two cores",
        "Metascope: the paper's protocol with 16 episodes a meta-step and a cosine schedule",
        _omniglot(
            {"lr": 0.4, "steps": 1},
            {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 16, "steps": 16_000,
             "schedule": "cosine"},
        ),
    ),
    _preset(
        "fomaml-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        _SHORT,
        _sinusoid("fomaml", _TEN_SHOT, _SHORT_OUTER, inner=_ONE_STEP),
    ),
    _preset(
        "reptile-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        _SHORT,
        _sinusoid("reptile", _TEN_SHOT, _SHORT_OUTER, inner={"lr": 0.01, "steps": 5}),
    ),
    _preset(
        "pretrained-sinusoid-short",
        "Sinusoid, 10 shots, a few seconds",
        _SHORT,
        _sinusoid("pretrained", _TEN_SHOT, _SHORT_OUTER),
    ),
    _preset(
        "pretrained-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        _FINN_SINUSOID,
        _sinusoid("pretrained", _TEN_SHOT, _PAPER_OUTER),
    ),
    _preset(
        "random-init-sinusoid",
        "Sinusoid, 10 shots",
        _FINN_SINUSOID,
        _sinusoid("random_init", _TEN_SHOT, None),
    ),
    _preset(
        "oracle-sinusoid-short",
        "Sinusoid, 10 shots, a few seconds",
        _SHORT,
        _sinusoid("oracle", _TEN_SHOT, _SHORT_OUTER),
    ),
    _preset(
        "oracle-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        _FINN_SINUSOID,
        _sinusoid("oracle", _TEN_SHOT, _PAPER_OUTER),
    ),
)  # fmt: skip
