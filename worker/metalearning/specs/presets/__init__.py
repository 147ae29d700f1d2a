"""Specs ready to run: the papers' settings, and short ones for a first look (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.specs.presets.baselines import BASELINES
from worker.metalearning.specs.presets.gradient_based import GRADIENT_BASED

PRESETS: tuple[dict[str, Any], ...] = (*GRADIENT_BASED, *BASELINES)
