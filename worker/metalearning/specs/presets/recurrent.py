"""Presets of the sequence learners (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.specs.presets.parts import TEN_SHOT, preset

_SHORT_OUTER = {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 64, "steps": 5_000}
_SHORT = "Metascope: the sinusoids of Finn et al. 2017, read one point at a time"
# Sequences of 50 drawings, 10 of each class: each is answered, the k-th of a class after k - 1.
_FIFTY = {"source": "omniglot", "way": 5, "shot": 10, "query": 1}
_SANTORO = "Santoro et al. 2016, section 4.1: 5 classes, 50 drawings; Adam in the place of RMSProp"
_TRIALS = {"episodes": 600, "every": 1000, "episodes_during_training": 100}


def _sinusoid(algorithm: str, **network: Any) -> dict[str, Any]:
    return {
        "algorithm": algorithm,
        "episodes": TEN_SHOT,
        "network": {"kind": algorithm, **network},
        "outer": {**_SHORT_OUTER, "schedule": "cosine"},
        "evaluation": {**_TRIALS, "query": 10},
    }


def _fifty(algorithm: str) -> dict[str, Any]:
    return {
        "algorithm": algorithm,
        "episodes": _FIFTY,
        "network": {"kind": algorithm, "pictures": "pixels", "hidden": 200},
        "outer": {"lr": 0.0001, "optimizer": "adam", "episodes_per_step": 16, "steps": 100_000},
        "evaluation": {**_TRIALS, "query": 1},
        "checkpoint_every": 1000,
    }


RECURRENT = (
    preset("lstm-sinusoid-short", "Sinusoid, 10 shots, a few minutes", _SHORT, _sinusoid("lstm")),
    preset(
        "lstm-omniglot-5-way-50-drawings",
        "Omniglot, 50 drawings of 5 classes",
        _SANTORO,
        _fifty("lstm"),
    ),
    preset(
        "mann-sinusoid-short",
        "Sinusoid, 10 shots, a few minutes",
        _SHORT,
        _sinusoid("mann", hidden=128, rows=16, width=32, reads=1),
    ),
    preset(
        "mann-omniglot-5-way-50-drawings",
        "Omniglot, 50 drawings of 5 classes, as in the paper",
        _SANTORO,
        _fifty("mann"),
    ),
    preset(
        "snail-sinusoid-short",
        "Sinusoid, 10 shots, a few minutes",
        _SHORT,
        _sinusoid("snail", width=32),
    ),
    preset(
        "snail-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, as in the paper",
        "Mishra et al. 2018, section 5.1 and appendix A; norms within each picture",
        {
            "algorithm": "snail",
            "episodes": {"source": "omniglot", "way": 5, "shot": 1, "query": 1},
            "network": {"kind": "snail", "width": 128},
            "outer": {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 32, "steps": 20_000},
            "evaluation": {**_TRIALS, "query": 1},
            "learned_from": "queries",
            "checkpoint_every": 1000,
        },
    ),
)
