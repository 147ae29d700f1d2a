"""Specs ready to run: the papers' settings, and short ones for a first look (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.specs.presets.bandits import BANDITS
from worker.metalearning.specs.presets.baselines import BASELINES
from worker.metalearning.specs.presets.gradient_based import GRADIENT_BASED
from worker.metalearning.specs.presets.metric import METRIC
from worker.metalearning.specs.presets.optimizer import HAND_MADE, OPTIMIZERS
from worker.metalearning.specs.presets.recurrent import RECURRENT

PRESETS: tuple[dict[str, Any], ...] = (
    *GRADIENT_BASED,
    *METRIC,
    *OPTIMIZERS,
    *RECURRENT,
    *BANDITS,
    *BASELINES,
    *HAND_MADE,
)
