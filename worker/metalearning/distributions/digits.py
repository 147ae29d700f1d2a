"""Scikit-learn's handwritten digits, read from the file that it brings along (no torch).

1,797 pictures of 8x8 in 17 shades (Alpaydin, Kaynak 1998, UCI). Read without an import of
scikit-learn, which takes as long as a job's start.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE = 8
CLASSES = 10
COUNT = 1797
SHADES = 16.0
_FILE = "sklearn/datasets/data/digits.csv.gz"


@lru_cache(maxsize=1)
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pictures `(1797, 64)` from 0 to 1, row by row, and what they show `(1797,)`."""
    path = Path(str(metadata.distribution("scikit-learn").locate_file(_FILE)))
    table = np.loadtxt(path, delimiter=",", dtype=np.int64)
    return (table[:, :-1] / SHADES).astype(np.float32), table[:, -1]


@lru_cache(maxsize=1)
def digits_hash() -> str:
    """Of pictures and classes."""
    pictures, classes = digits()
    return hashlib.sha256(pictures.tobytes() + classes.tobytes()).hexdigest()[:12]
