"""Names that last: content hashes, episode ids and the random numbers of an id (no torch).

An episode's id is `{hash12}:{split}:{seed}:{index}`. The hash covers everything that decides what
an evaluation episode holds (data, split, way, shot, query) and nothing else, so two runs of
different algorithms meet the same episodes, and one id never names two different ones.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

import numpy as np

Split = Literal["train", "validation", "test"]


def content_hash(facts: dict[str, Any]) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the facts as canonical JSON."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def episode_id(distribution_hash: str, split: Split, seed: int, index: int) -> str:
    """The stable name of one evaluation episode."""
    return f"{distribution_hash}:{split}:{seed}:{index}"


def episode_generator(name: str) -> np.random.Generator:
    """The random numbers of the episode with this id.

    PCG64 named outright (not `default_rng`, whose choice may change), seeded by SHA-256 of the id.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
