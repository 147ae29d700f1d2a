"""Presets of RL^2 and of its opponents on bandits (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.specs.presets.parts import preset

_DUAN = "Duan et al. 2016, section 3.1: 5 arms, 10 pulls; an actor-critic in the place of TRPO"
_TABLE = "Duan et al. 2016, table 1: 5 arms, 10 pulls"
_EPISODES = {"source": "bandits", "arms": 5, "pulls": 10}
_EVALUATION = {"episodes": 1000, "every": 500, "episodes_during_training": 200}


def _rl2(hidden: int, steps: int, pulls: int, **more: Any) -> dict[str, Any]:
    return {
        "algorithm": "rl2",
        "episodes": {**_EPISODES, "pulls": pulls},
        "network": {"kind": "gru", "hidden": hidden},
        "outer": {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 256, "steps": steps,
                  "schedule": "cosine"},
        "evaluation": _EVALUATION,
        **more,
    }  # fmt: skip


def _rule(name: str) -> dict[str, Any]:
    return preset(
        f"bandits-{name}",
        f"5 arms, 10 pulls: {name}",
        _TABLE,
        {
            "algorithm": "bandit_rule",
            "rule": name,
            "episodes": _EPISODES,
            "evaluation": {**_EVALUATION, "every": 0},
        },
    )


BANDITS = (
    preset(
        "rl2-bandits-short", "5 arms, 10 pulls, a few minutes", _DUAN,
        _rl2(64, 3000, 10),
    ),
    preset(
        "rl2-bandits-10-pulls", "5 arms, 10 pulls, as in the paper", _DUAN,
        _rl2(256, 20_000, 10, checkpoint_every=1000),
    ),
    preset(
        "rl2-bandits-100-pulls", "5 arms, 100 pulls, as in the paper", _DUAN,
        _rl2(256, 20_000, 100, checkpoint_every=1000),
    ),
    *(_rule(name) for name in ("thompson", "ucb1", "gittins", "random")),
)  # fmt: skip
