"""Omniglot episodes as tensors (Finn et al. 2017, section 5.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from worker.metalearning.distributions.identity import Split, episode_generator, episode_id
from worker.metalearning.distributions.omniglot_archive import (
    SIDE,
    OmniglotArchive,
    omniglot_hash,
    split_characters,
)
from worker.metalearning.episodes import Episode, EpisodeBatch, Objective
from worker.metalearning.specs import OmniglotEpisodes


class Omniglot:
    """N-way K-shot episodes of characters.

    In training a class is a character with one of four rotations (all its drawings turned alike),
    so 1,100 characters make 4,400 classes; validation and test characters stay upright.
    """

    source = "omniglot"
    objective: Objective = "cross_entropy"
    input_shape = (1, SIDE, SIDE)

    def __init__(self, archive: OmniglotArchive, episodes: OmniglotEpisodes) -> None:
        self.spec = episodes
        self.hash = omniglot_hash(archive, episodes)
        self.characters = split_characters(archive, episodes)
        self.way: int | None = episodes.way
        self.outputs = episodes.way
        self.shot = episodes.shot
        self.query = episodes.query
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

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The episode with id `{hash}:{split}:{seed}:{index}`."""
        name = episode_id(self.hash, split, seed, index)
        numbers = episode_generator(name)
        characters = numbers.choice(self.characters[split], self.spec.way, replace=False)
        used = self.shot + self.query
        drawings = [numbers.permutation(self.drawings)[:used] for _ in characters]
        images = torch.stack(
            [
                self._images[int(character), torch.from_numpy(chosen)]
                for character, chosen in zip(characters, drawings, strict=True)
            ]
        )
        batch = self._batch(images[None], ids=(name,))
        return Episode(
            batch.support_x[0], batch.support_y[0], batch.query_x[0], batch.query_y[0], name,
            batch.latent[0],
        )  # fmt: skip

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """`count` training episodes with distinct classes and drawings within each."""
        way, used = self.spec.way, self.shot + self.query
        classes = torch.rand(count, self.training_classes, generator=generator).topk(way).indices
        drawings = torch.rand(count, way, self.drawings, generator=generator).topk(used).indices
        return self._batch(self._train[classes[..., None], drawings], ids=())

    def _batch(self, images: Tensor, ids: tuple[str, ...]) -> EpisodeBatch:
        """Split `(E, N, K + Q, 28, 28)` drawings into support and query; class n has label n."""
        count, way = images.shape[:2]
        pixels = images.float().div_(255.0)
        support, query = pixels[:, :, : self.shot], pixels[:, :, self.shot :]
        labels = torch.arange(way)
        return EpisodeBatch(
            support_x=support.reshape(count, way * self.shot, 1, SIDE, SIDE),
            support_y=labels.repeat_interleave(self.shot).expand(count, -1),
            query_x=query.reshape(count, way * self.query, 1, SIDE, SIDE),
            query_y=labels.repeat_interleave(self.query).expand(count, -1),
            latent=torch.empty(count, 0),
            ids=ids,
        )
