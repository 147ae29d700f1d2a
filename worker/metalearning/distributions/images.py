"""Episodes of a dataset's pictures as tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from worker.metalearning.distributions.identity import Split
from worker.metalearning.distributions.image_folders import SPLITS, ImageSet, images_hash
from worker.metalearning.distributions.pictures import PictureEpisodes
from worker.metalearning.errors import SpecError
from worker.metalearning.specs import ImageEpisodes


class Images(PictureEpisodes):
    """N-way K-shot episodes of pictures; classes may have more or fewer of them."""

    source = "images"

    def __init__(
        self, images: ImageSet, episodes: ImageEpisodes, splits: tuple[Split, ...]
    ) -> None:
        """`splits` are those that will be sampled. Raises SpecError where one cannot be."""
        super().__init__(episodes, (3 if episodes.colour else 1, episodes.side, episodes.side))
        self.spec = episodes
        self.hash = images_hash(images, episodes)
        for split in splits:
            _check(images, episodes, split)
        self._pixels = torch.from_numpy(images.pixels)
        self._first, self._count = {}, {}
        for split in SPLITS:
            classes = images.of(split)
            self._first[split] = torch.tensor([one.first for one in classes])
            self._count[split] = torch.tensor([one.count for one in classes])

    @property
    def training_classes(self) -> int:
        """Classes met in training."""
        return len(self._count["train"])

    def _chosen(self, split: Split, numbers: np.random.Generator) -> Tensor:
        used = self.shot + self.query
        classes = numbers.choice(len(self._count[split]), self.spec.way, replace=False)
        first, count = self._first[split], self._count[split]
        places = [int(first[one]) + numbers.permutation(int(count[one]))[:used] for one in classes]
        return self._pixels[torch.from_numpy(np.stack(places))]

    def _drawn(self, generator: torch.Generator, count: int) -> Tensor:
        way, used = self.spec.way, self.shot + self.query
        sizes = self._count["train"]
        classes = torch.rand(count, len(sizes), generator=generator).topk(way).indices
        most = int(sizes.max())
        order = torch.rand(count, way, most, generator=generator)
        order[torch.arange(most) >= sizes[classes].unsqueeze(-1)] = -1.0  # no such picture
        places = self._first["train"][classes].unsqueeze(-1) + order.topk(used).indices
        return self._pixels[places]


def _check(images: ImageSet, episodes: ImageEpisodes, split: Split) -> None:
    """Enough classes, and enough pictures of each."""
    classes, used = images.of(split), episodes.shot + episodes.query
    name = f"{episodes.dataset}/{SPLITS[split]}"
    if len(classes) < episodes.way:
        raise SpecError(
            "episodes.way",
            f"{name} has {len(classes)} classes, too few for {episodes.way}-way episodes",
        )
    for one in classes:
        if one.count < used:
            raise SpecError(
                "episodes.shot",
                f"class {one.name!r} of {name} has {one.count} pictures; {episodes.shot} support "
                f"and {episodes.query} query pictures need {used}: lower shot or query",
            )
