"""Presets of learned optimizers, and of the hand-made ones on the same problems (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.specs.presets.parts import OMNIGLOT, preset

QUADRATICS = {"source": "quadratics", "dimensions": 10}
DIGITS_MLP = {"source": "digits_mlp", "hidden": 20, "batch": 128}
DIGITS_CONV = {"source": "digits_conv", "filters": 8, "batch": 128}
RAW = {"kind": "coordinate_lstm", "preprocessing": "none", "output_scale": 1.0}
PREPROCESSED = {"kind": "coordinate_lstm", "preprocessing": "log_and_sign", "output_scale": 0.1}
HORIZON = {"steps": 100, "unroll": 20}
SIZES = {"quadratics": 600, "digits_mlp": 100, "digits_conv": 50}  # of the final test


def _evaluation(source: str) -> dict[str, Any]:
    return {
        "episodes": SIZES[source],
        "steps": 200,
        "every": 100,
        "episodes_during_training": min(100, SIZES[source]),
        "selection": "best_validation",
    }


def _learned(
    episodes: dict[str, Any], network: dict[str, Any], outer: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "algorithm": "lstm_optimizer",
        "episodes": episodes,
        "network": network,
        "inner": HORIZON,
        "outer": {"lr": 0.001, "optimizer": "adam", **outer},
        "evaluation": _evaluation(episodes["source"]),
        "checkpoint_every": 100,
        **more,
    }


def _hand_made(episodes: dict[str, Any], kind: str, tuning: int) -> dict[str, Any]:
    return {
        "algorithm": "hand_made_optimizer",
        "episodes": episodes,
        "network": {"kind": kind},
        "fine_tuning": {"steps": 100, "episodes": tuning},
        "evaluation": _evaluation(episodes["source"]),
    }


OPTIMIZERS = (
    preset(
        "lstm-optimizer-quadratics-short",
        "Quadratics, a few minutes",
        "Andrychowicz et al. 2016, section 3.1, cut short",
        _learned(QUADRATICS, RAW, {"episodes_per_step": 128, "steps": 1000, "lr": 0.003}),
    ),
    preset(
        "lstm-optimizer-quadratics",
        "Quadratics, as in the paper",
        "Andrychowicz et al. 2016, section 3.1: no pre- or postprocessing",
        _learned(QUADRATICS, RAW, {"episodes_per_step": 128, "steps": 10_000}),
    ),
    preset(
        "lstm-optimizer-digits-mlp",
        "A small network reading digits",
        "Andrychowicz et al. 2016, section 3.2 and appendix A, on scikit-learn's digits",
        _learned(
            DIGITS_MLP, PREPROCESSED, {"episodes_per_step": 2, "steps": 2000},
            opponents={"episodes": 20},
        ),
    ),
    preset(
        "lstm-optimizer-digits-conv",
        "A small convolutional network reading digits",
        "After Andrychowicz et al. 2016, section 3.3, with one LSTM and on scikit-learn's digits",
        _learned(
            DIGITS_CONV, PREPROCESSED, {"episodes_per_step": 2, "steps": 2000},
            opponents={"episodes": 10},
        ),
    ),
    preset(
        "meta-lstm-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot",
        "Ravi, Larochelle 2017, section 5.1, on Omniglot and with strided convolutions",
        {
            "algorithm": "meta_lstm",
            "episodes": {**OMNIGLOT, "query": 5},
            "network": {"kind": "conv4", "filters": 32},
            "inner": {"steps": 12},
            "outer": {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 1, "steps": 50_000,
                      "grad_clip": 0.25},
            "evaluation": {"episodes": 600, "steps": 12, "every": 1000,
                           "episodes_during_training": 100, "selection": "best_validation"},
            "checkpoint_every": 500,
        },
    ),
)  # fmt: skip

HAND_MADE = tuple(
    preset(
        f"{kind}-{name}",
        f"{rule}: {title}",
        "Andrychowicz et al. 2016, section 3: rates tuned for each problem",
        _hand_made(episodes, kind, tuning),
    )
    for kind, rule in (
        ("adam", "Adam"), ("sgd", "SGD"), ("momentum", "Momentum"), ("rmsprop", "RMSprop"),
    )
    for name, title, episodes, tuning in (
        ("quadratics", "quadratics", QUADRATICS, 100),
        ("digits-mlp", "a small network reading digits", DIGITS_MLP, 20),
        ("digits-conv", "a small convolutional network", DIGITS_CONV, 10),
    )
)  # fmt: skip
