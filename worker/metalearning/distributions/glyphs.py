"""Episodes of drawn glyphs as tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from worker.metalearning.distributions.glyph_drawings import (
    DRAWINGS,
    SIDE,
    GlyphPool,
    glyph_pool,
    glyphs_hash,
)
from worker.metalearning.distributions.identity import Split
from worker.metalearning.distributions.pictures import PictureEpisodes, drawn_places
from worker.metalearning.specs import GlyphEpisodes


class Glyphs(PictureEpisodes):
    """N-way K-shot episodes of characters that the program draws, others in every split."""

    source = "glyphs"

    def __init__(self, episodes: GlyphEpisodes) -> None:
        super().__init__(episodes, (1, SIDE, SIDE))
        self.spec = episodes
        self.hash = glyphs_hash(episodes)
        self._classes: dict[Split, int] = {
            "train": episodes.train_classes,
            "validation": episodes.validation_classes,
            "test": episodes.test_classes,
        }

    @property
    def training_classes(self) -> int:
        """Characters met in training."""
        return self.spec.train_classes

    def _pool(self, split: Split) -> GlyphPool:
        return glyph_pool(self.spec.glyph_seed, split, self._classes[split])

    def _chosen(self, split: Split, numbers: np.random.Generator) -> Tensor:
        pool = self._pool(split)
        used = self.shot + self.query
        characters = numbers.choice(len(pool.pixels), self.spec.way, replace=False)
        chosen = np.stack([numbers.permutation(DRAWINGS)[:used] for _ in characters])
        return torch.from_numpy(pool.drawn(characters)[characters[:, None], chosen])

    def _drawn(self, generator: torch.Generator, count: int) -> Tensor:
        used = self.shot + self.query
        classes, chosen = drawn_places(
            generator, count, way=self.spec.way, used=used, classes=self.training_classes,
            pictures=DRAWINGS,
        )  # fmt: skip
        pixels = self._pool("train").drawn(classes.flatten().numpy())
        return torch.from_numpy(pixels)[classes[..., None], chosen]
