"""Everything a run needs to go on with the same numbers, as tensors and plain data only."""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.metalearning.errors import CheckpointMismatch
from worker.metalearning.networks import Parameters

FORMAT = 1


@dataclass(frozen=True)
class Best:
    """The parameters with the lowest validation loss so far."""

    step: int
    loss: float
    parameters: Parameters


@dataclass(frozen=True)
class Checkpoint:
    """The state after `step` meta-steps."""

    step: int
    parameters: Parameters
    optimizer: dict[str, Any]
    generator: Tensor  # state of the stream of training episodes
    best: Best | None
    spec: dict[str, Any]
    torch_version: str
    format: int = FORMAT

    def save(self, path: Path) -> None:
        """Write whole or not at all: a temporary file, synced, then renamed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(asdict(self), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint; runs no code from the file. Raises CheckpointMismatch."""
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            raise CheckpointMismatch(f"{path} is not a readable checkpoint: {error}") from error
        names = {field.name for field in fields(cls)}
        if not isinstance(stored, dict) or set(stored) != names or stored["format"] != FORMAT:
            raise CheckpointMismatch(f"{path} is not a checkpoint of format {FORMAT}")
        best = stored.pop("best")
        return cls(**stored, best=Best(**best) if best else None)
