"""Arrays kept in a file beside the data they were made of (no torch)."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]] | None:
    """The arrays; None where there are none, or cut short (full disk, killed): make them anew."""
    broken = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
    with (
        contextlib.suppress(*broken),
        path.open("rb") as file,  # np.load leaves one that it opened itself and cannot read open
        np.load(file, allow_pickle=False) as stored,
    ):
        return {name: stored[name] for name in names}
    return None


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
