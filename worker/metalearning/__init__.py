"""The meta-learning engine: episodes, networks, algorithms, training and evaluation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.metalearning.meta_step import build_meta_step

__all__ = ["build_meta_step"]


def __getattr__(name: str) -> Any:
    """Loads PyTorch only when it is asked for: specs and schemas are read without it."""
    if name != "build_meta_step":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module("worker.metalearning.meta_step")
    return module.build_meta_step
