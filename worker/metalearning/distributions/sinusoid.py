"""Sinusoid episodes as tensors (Finn et al. 2017, section 5.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from worker.metalearning.distributions.identity import Split, episode_id
from worker.metalearning.distributions.sinusoid_tasks import sinusoid_hash, sinusoid_task
from worker.metalearning.episodes import Episode, EpisodeBatch, Objective
from worker.metalearning.specs import SinusoidEpisodes


class Sinusoid:
    """y = A sin(x - phase); the latent of an episode is (A, phase). Splits differ by seed only."""

    source = "sinusoid"
    objective: Objective = "mse"
    input_shape = (1,)
    outputs = 1
    way: int | None = None

    def __init__(self, episodes: SinusoidEpisodes) -> None:
        self.spec = episodes
        self.hash = sinusoid_hash(episodes)
        self.shot = episodes.shot
        self.query = episodes.query

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The episode with id `{hash}:{split}:{seed}:{index}`."""
        name = episode_id(self.hash, split, seed, index)
        task = sinusoid_task(self.spec, name)
        x = torch.from_numpy(task.x).float()[:, None]
        y = torch.from_numpy(task.y).float()[:, None]
        latent = torch.tensor([task.amplitude, task.phase])
        return Episode(x[: self.shot], y[: self.shot], x[self.shot :], y[self.shot :], name, latent)

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """`count` fresh sinusoids; one draw of uniform numbers for all (measured: 3x faster)."""
        spec = self.spec
        points = self.shot + self.query
        uniform = torch.rand(count, points + 2, generator=generator)
        amplitude = spec.amplitude_low + uniform[:, :1] * (spec.amplitude_high - spec.amplitude_low)
        phase = uniform[:, 1:2] * spec.phase_high
        x = (uniform[:, 2:] * 2 - 1) * spec.x_range
        y = amplitude * torch.sin(x - phase)
        x, y = x[..., None], y[..., None]
        return EpisodeBatch(
            x[:, : self.shot], y[:, : self.shot], x[:, self.shot :], y[:, self.shot :],
            torch.cat([amplitude, phase], dim=1),
        )  # fmt: skip


class OracleSinusoid(Sinusoid):
    """The same episodes under the same ids, with inputs (x, amplitude, phase)."""

    input_shape = (3,)

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The episode of `Sinusoid`, told its latent."""
        plain = super().sample(split, index, seed)
        return Episode(
            told(plain.support_x, plain.latent), plain.support_y,
            told(plain.query_x, plain.latent), plain.query_y, plain.id, plain.latent,
        )  # fmt: skip

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """The batch of `Sinusoid`, told its latents."""
        plain = super().sample_batch(generator, count)
        return EpisodeBatch(
            told(plain.support_x, plain.latent), plain.support_y,
            told(plain.query_x, plain.latent), plain.query_y, plain.latent,
        )  # fmt: skip


def told(x: Tensor, latent: Tensor) -> Tensor:
    """x `(..., M, 1)` with latent `(..., L)` beside each point: `(..., M, 1 + L)`."""
    return torch.cat([x, latent.unsqueeze(-2).expand(*x.shape[:-1], latent.shape[-1])], dim=-1)
