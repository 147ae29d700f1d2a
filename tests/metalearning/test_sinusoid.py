"""Sinusoid episodes: their curve, their ranges, their names."""

from __future__ import annotations

import math

import pytest
import torch

from worker.metalearning.distributions.sinusoid import OracleSinusoid, Sinusoid
from worker.metalearning.episodes import sample_range
from worker.metalearning.specs import SinusoidEpisodes


def test_points_lie_on_the_curve_of_the_latent() -> None:
    batch = sample_range(Sinusoid(SinusoidEpisodes()), "test", 0, 0, 50)

    amplitude, phase = batch.latent[:, :1, None], batch.latent[:, 1:, None]

    torch.testing.assert_close(batch.query_y, amplitude * torch.sin(batch.query_x - phase))
    torch.testing.assert_close(batch.support_y, amplitude * torch.sin(batch.support_x - phase))


@pytest.mark.parametrize("draw", ["training", "evaluation"])
def test_ranges_are_the_papers(draw: str) -> None:
    distribution = Sinusoid(SinusoidEpisodes())
    if draw == "training":
        batch = distribution.sample_batch(torch.Generator().manual_seed(0), 2000)
    else:
        batch = sample_range(distribution, "validation", 0, 0, 2000)

    for values, low, high in (
        (batch.latent[:, 0], 0.1, 5.0),
        (batch.latent[:, 1], 0.0, math.pi),
        (batch.support_x, -5.0, 5.0),
    ):
        assert low <= float(values.min()) < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < float(values.max()) <= high
        assert float(values.mean()) == pytest.approx((low + high) / 2, abs=0.05 * (high - low))


def test_an_id_names_the_same_episode_for_ever() -> None:
    """Numbers written down once: a change here breaks every stored pairing of episodes."""
    episode = Sinusoid(SinusoidEpisodes()).sample("test", 3, seed=0)

    assert episode.id == "476a209248ef:test:0:3"
    assert episode.latent.tolist() == pytest.approx(FROZEN_LATENT, rel=1e-6)
    assert float(episode.support_x[0]) == pytest.approx(FROZEN_X, rel=1e-6)


FROZEN_LATENT = [3.6065800189971924, 2.7439942359924316]
FROZEN_X = -3.287026882171631


def test_split_seed_and_index_each_give_another_episode() -> None:
    distribution = Sinusoid(SinusoidEpisodes())

    drawn = [
        distribution.sample("test", 0, 0),
        distribution.sample("validation", 0, 0),
        distribution.sample("test", 1, 0),
        distribution.sample("test", 0, 1),
    ]

    assert len({episode.id for episode in drawn}) == 4
    assert len({float(episode.latent[0]) for episode in drawn}) == 4


def test_hash_follows_the_content() -> None:
    hashes = {
        Sinusoid(episodes).hash
        for episodes in (
            SinusoidEpisodes(),
            SinusoidEpisodes(shot=5),
            SinusoidEpisodes(query=15),
            SinusoidEpisodes(amplitude_high=4.0),
            SinusoidEpisodes(phase_high=1.0),
            SinusoidEpisodes(x_range=3.0),
        )
    }

    assert len(hashes) == 6
    assert Sinusoid(SinusoidEpisodes()).hash == Sinusoid(SinusoidEpisodes(shot=10)).hash


def test_oracle_meets_the_same_episodes_with_the_latent_told() -> None:
    plain = Sinusoid(SinusoidEpisodes()).sample("test", 5, 0)
    told = OracleSinusoid(SinusoidEpisodes()).sample("test", 5, 0)

    assert told.id == plain.id
    torch.testing.assert_close(told.query_y, plain.query_y)
    torch.testing.assert_close(told.query_x[:, :1], plain.query_x)
    torch.testing.assert_close(told.query_x[:, 1:], plain.latent.expand(10, 2))


def test_training_stream_repeats_with_its_generator() -> None:
    distribution = Sinusoid(SinusoidEpisodes())

    one, two = (distribution.sample_batch(torch.Generator().manual_seed(4), 3) for _ in range(2))

    assert torch.equal(one.query_y, two.query_y)
    assert one.ids == ()
