"""N-way K-shot episodes of pictures as tensors, whatever the pictures come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from worker.metalearning.distributions.identity import Split, episode_generator, episode_id
from worker.metalearning.episodes import Episode, EpisodeBatch, Objective


class Asked(Protocol):
    """What every source of pictures is asked for."""

    @property
    def way(self) -> int: ...
    @property
    def shot(self) -> int: ...
    @property
    def query(self) -> int: ...


class PictureEpisodes(ABC):
    """Episodes of `way` classes with `shot` support and `query` query pictures of each.

    Pictures are bytes `(C, H, W)`, in episodes numbers from 0 to 1. The classes of an episode
    differ, the pictures of a class as well, and class n of an episode has label n.
    """

    source: str
    hash: str
    objective: Objective = "cross_entropy"

    def __init__(self, episodes: Asked, input_shape: tuple[int, int, int]) -> None:
        self.way: int | None = episodes.way
        self.outputs = episodes.way
        self.shot = episodes.shot
        self.query = episodes.query
        self.input_shape: tuple[int, ...] = input_shape

    @property
    @abstractmethod
    def training_classes(self) -> int:
        """Classes met in training."""

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The episode with id `{hash}:{split}:{seed}:{index}`."""
        name = episode_id(self.hash, split, seed, index)
        images = self._chosen(split, episode_generator(name))
        batch = self._batch(images[None], ids=(name,))
        return Episode(
            batch.support_x[0], batch.support_y[0], batch.query_x[0], batch.query_y[0], name,
            batch.latent[0],
        )  # fmt: skip

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """`count` training episodes with distinct classes and pictures within each."""
        return self._batch(self._drawn(generator, count), ids=())

    @abstractmethod
    def _chosen(self, split: Split, numbers: np.random.Generator) -> Tensor:
        """Pictures `(N, K + Q, C, H, W)` of an evaluation episode; C may be left out where 1."""

    @abstractmethod
    def _drawn(self, generator: torch.Generator, count: int) -> Tensor:
        """Pictures `(count, N, K + Q, C, H, W)` of training episodes; the same holds."""

    def _batch(self, images: Tensor, ids: tuple[str, ...]) -> EpisodeBatch:
        """Split `(E, N, K + Q, ...)` pictures into support and query."""
        count, way = images.shape[:2]
        pixels = images.float().div_(255.0)
        support, query = pixels[:, :, : self.shot], pixels[:, :, self.shot :]
        labels = torch.arange(way)
        return EpisodeBatch(
            support_x=support.reshape(count, way * self.shot, *self.input_shape),
            support_y=labels.repeat_interleave(self.shot).expand(count, -1),
            query_x=query.reshape(count, way * self.query, *self.input_shape),
            query_y=labels.repeat_interleave(self.query).expand(count, -1),
            latent=torch.empty(count, 0),
            ids=ids,
        )


def drawn_places(
    generator: torch.Generator, count: int, *, way: int, used: int, classes: int, pictures: int
) -> tuple[Tensor, Tensor]:
    """Classes `(count, way)` and pictures of each `(count, way, used)`, no one twice."""
    of_episode = torch.rand(count, classes, generator=generator).topk(way).indices
    of_class = torch.rand(count, way, pictures, generator=generator).topk(used).indices
    return of_episode, of_class
