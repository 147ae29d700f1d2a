"""Omniglot episodes as tensors (Finn et al. 2017, section 5.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from worker.metalearning.distributions.identity import Split
from worker.metalearning.distributions.omniglot_archive import (
    SIDE,
    OmniglotArchive,
    omniglot_hash,
    split_characters,
)
from worker.metalearning.distributions.pictures import PictureEpisodes, drawn_places
from worker.metalearning.specs import OmniglotEpisodes


class Omniglot(PictureEpisodes):
    """N-way K-shot episodes of characters.

    In training a class is a character with one of four rotations (all its drawings turned alike),
    so 1,100 characters make 4,400 classes; validation and test characters stay upright.
    """

    source = "omniglot"

    def __init__(self, archive: OmniglotArchive, episodes: OmniglotEpisodes) -> None:
        super().__init__(episodes, (1, SIDE, SIDE))
        self.spec = episodes
        self.hash = omniglot_hash(archive, episodes)
        self.characters = split_characters(archive, episodes)
        self.drawings = archive.drawings
        self._images = torch.from_numpy(archive.images)  # (characters, drawings, 28, 28) uint8
        self._train = self._training_classes()  # (classes, drawings, 28, 28) uint8

    def _training_classes(self) -> Tensor:
        upright = self._images[torch.from_numpy(self.characters["train"])]
        turns = range(4) if self.spec.rotations else range(1)
        return torch.cat([torch.rot90(upright, turn, (2, 3)) for turn in turns]).contiguous()

    @property
    def training_classes(self) -> int:
        """Classes met in training."""
        return self._train.shape[0]

    def _chosen(self, split: Split, numbers: np.random.Generator) -> Tensor:
        characters = numbers.choice(self.characters[split], self.spec.way, replace=False)
        used = self.shot + self.query
        drawings = [numbers.permutation(self.drawings)[:used] for _ in characters]
        return torch.stack(
            [
                self._images[int(character), torch.from_numpy(chosen)]
                for character, chosen in zip(characters, drawings, strict=True)
            ]
        )

    def _drawn(self, generator: torch.Generator, count: int) -> Tensor:
        used = self.shot + self.query
        classes, drawings = drawn_places(
            generator, count, way=self.spec.way, used=used, classes=self.training_classes,
            pictures=self.drawings,
        )  # fmt: skip
        return self._train[classes[..., None], drawings]
