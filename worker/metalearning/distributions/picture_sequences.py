"""Episodes of pictures whose support sets come in an order to be read in."""

from __future__ import annotations

import torch

from worker.metalearning.distributions.glyphs import Glyphs
from worker.metalearning.distributions.identity import Split, episode_generator
from worker.metalearning.distributions.images import Images
from worker.metalearning.distributions.omniglot import Omniglot
from worker.metalearning.distributions.pictures import PictureEpisodes
from worker.metalearning.episodes import Episode, EpisodeBatch


class PictureSequences(PictureEpisodes):
    """The same episodes under the same ids, their support examples shuffled: sorted by class, the
    place of an example would tell its class. Which label a class has is drawn anew for every
    episode as it is."""

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The episode; its order is one more draw named by its id."""
        plain = super().sample(split, index, seed)
        numbers = episode_generator(f"{plain.id}:order")
        order = torch.from_numpy(numbers.permutation(len(plain.support_y)))
        return Episode(
            plain.support_x[order], plain.support_y[order], plain.query_x, plain.query_y,
            plain.id, plain.latent,
        )  # fmt: skip

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """The batch, and one more draw for the orders."""
        plain = super().sample_batch(generator, count)
        order = torch.rand(plain.support_y.shape, generator=generator).argsort(1)
        episodes = torch.arange(count).unsqueeze(1)
        return EpisodeBatch(
            plain.support_x[episodes, order], plain.support_y[episodes, order],
            plain.query_x, plain.query_y, plain.latent,
        )  # fmt: skip


class OmniglotSequences(PictureSequences, Omniglot):
    """Those of Omniglot."""


class GlyphSequences(PictureSequences, Glyphs):
    """Those of drawn glyphs."""


class ImageSequences(PictureSequences, Images):
    """Those of a dataset's pictures."""
