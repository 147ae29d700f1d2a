"""Glyphs that the program draws: the same everywhere, others in every split, learnt from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.metalearning.building import drop_system
from worker.metalearning import catalog, specs
from worker.metalearning.distributions.factory import evaluation_distribution
from worker.metalearning.distributions.glyph_drawings import GlyphPool
from worker.metalearning.distributions.glyphs import Glyphs
from worker.metalearning.distributions.identity import Split
from worker.metalearning.specs import GlyphEpisodes
from worker.metalearning.training import Report, train

# Of the first ten test characters of seed 1, as version 1 of the program draws them.
PIXELS = "2d35cc436c7d9be0c437661c32e4c176c564b8e17257edc35bb820257de67c40"


def pixels(count: int = 10, seed: int = 1, split: Split = "test") -> np.ndarray[Any, Any]:
    return GlyphPool(seed, split, count).drawn(np.arange(count))


def tiny(**changes: int) -> GlyphEpisodes:
    small = {"way": 3, "train_classes": 12, "validation_classes": 4, "test_classes": 6, "query": 2}
    return GlyphEpisodes(**{**small, **changes})


def test_the_program_draws_the_same_pixels_on_every_machine() -> None:
    assert hashlib.sha256(pixels().tobytes()).hexdigest() == PIXELS


def test_a_character_does_not_depend_on_how_many_there_are_or_on_what_was_drawn_before() -> None:
    many = GlyphPool(1, "test", 30)
    many.drawn(np.array([29, 3]))

    assert np.array_equal(many.drawn(np.arange(10))[:10], pixels())


def test_every_drawing_has_ink_and_no_two_are_alike() -> None:
    drawn = pixels(200).reshape(-1, 28 * 28)

    inked = (drawn > 127).mean(1)
    assert inked.min() > 0.01
    assert inked.max() < 0.4
    assert len({one.tobytes() for one in drawn}) == len(drawn)


def test_splits_and_seeds_have_other_characters() -> None:
    sets = [
        {one.tobytes() for one in pixels(100, seed, split).reshape(-1, 28 * 28)}
        for seed, split in ((1, "train"), (1, "validation"), (1, "test"), (2, "test"))
    ]

    assert len(set.union(*sets)) == 4 * 100 * 20


def test_drawings_of_a_character_are_nearer_to_each_other_than_to_other_characters() -> None:
    """What makes classes of them: by the mean picture of ten drawings, most others are told."""
    drawn = pixels(20).reshape(20, 20, -1).astype(float)
    means = drawn[:, :10].mean(1)

    distances = ((drawn[:, 10:, None] - means) ** 2).sum(-1)

    right = distances.argmin(-1) == np.arange(20)[:, None]
    assert right.mean() > 0.5  # chance: 0.05


def test_episodes_are_the_same_for_the_same_id_and_hold_distinct_drawings() -> None:
    distribution = Glyphs(tiny())
    one, again = distribution.sample("test", 4, 0), Glyphs(tiny()).sample("test", 4, 0)

    assert one.id == again.id == f"{distribution.hash}:test:0:4"
    assert torch.equal(one.support_x, again.support_x)
    assert torch.equal(one.query_x, again.query_x)
    assert one.support_y.tolist() == [0, 1, 2]
    assert one.query_y.tolist() == [0, 0, 1, 1, 2, 2]
    everything = torch.cat([one.support_x, one.query_x]).flatten(1)
    assert everything.unique(dim=0).shape[0] == 9


def test_training_episodes_are_of_training_characters() -> None:
    distribution = Glyphs(tiny())
    known = {one.tobytes() for one in pixels(12, split="train").reshape(-1, 28 * 28)}

    batch = distribution.sample_batch(torch.Generator().manual_seed(0), 20)

    assert batch.support_x.shape == (20, 3, 1, 28, 28)
    assert batch.query_x.shape == (20, 6, 1, 28, 28)
    met = torch.cat([batch.support_x, batch.query_x], 1).mul(255).round().byte()
    assert {one.numpy().tobytes() for one in met.reshape(-1, 28 * 28)} <= known


@pytest.mark.parametrize(
    "changes",
    [{"shot": 2}, {"query": 1}, {"way": 4}, {"glyph_seed": 2}, {"train_classes": 13},
     {"validation_classes": 5}, {"test_classes": 7}],
)  # fmt: skip
def test_one_hash_never_names_two_distributions(changes: dict[str, int]) -> None:
    assert Glyphs(tiny(**changes)).hash != Glyphs(tiny()).hash


def glyph_spec(algorithm: str, **changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": algorithm,
            "episodes": {
                "source": "glyphs", "way": 3, "shot": 2, "query": 2, "train_classes": 12,
                "validation_classes": 4, "test_classes": 6,
            },
            "outer": {"steps": 4, "episodes_per_step": 2, "lr": 0.01},
            "evaluation": {"episodes": 4, "every": 2, "episodes_during_training": 2},
            "log_every": 1,
            **changes,
        }
    )  # fmt: skip


def run(spec: specs.Spec) -> list[Report]:
    return list(train(spec, device="cpu", omniglot_dir=None, cache_dir=None))


@pytest.mark.parametrize(
    ("algorithm", "network"),
    [
        ("maml", {"kind": "conv4", "filters": 4}),
        ("reptile", {"kind": "mlp", "hidden": [8]}),
        ("prototypical", {"kind": "conv_encoder", "filters": 4, "pooled": 2}),
        ("lstm", {"kind": "lstm", "hidden": 8, "filters": 4}),
        ("meta_lstm", {"kind": "conv4", "filters": 4}),
    ],
)
def test_every_family_trains_on_glyphs_and_repeats(algorithm: str, network: dict[str, Any]) -> None:
    spec = glyph_spec(algorithm, network=network)

    first, again = run(spec), run(spec)

    assert drop_system(first) == drop_system(again)
    result = first[-1].evaluation
    assert result is not None
    assert result.accuracies is not None
    assert len(result.episode_ids) == 4


def test_sequences_are_the_same_episodes_in_another_order() -> None:
    plain = Glyphs(tiny(shot=5)).sample("test", 0, 0)
    spec = glyph_spec(
        "lstm", network={"kind": "lstm", "hidden": 8, "filters": 4},
        episodes=specs.as_dict(glyph_spec("maml", network={"kind": "conv4"}))["episodes"] | {
            "shot": 5},
    )  # fmt: skip

    read = evaluation_distribution(spec, None, None).sample("test", 0, 0)

    assert read.id == plain.id
    assert not torch.equal(read.support_y, plain.support_y)
    assert torch.equal(read.query_x, plain.query_x)
    for label in range(3):
        ours, theirs = read.support_x[read.support_y == label], plain.support_x[5 * label :][:5]
        assert torch.equal(ours.flatten(1).sum(1).sort()[0], theirs.flatten(1).sum(1).sort()[0])


def test_catalogue_shows_test_glyphs_without_any_data(tmp_path: Path) -> None:
    entry = {one["name"]: one for one in catalog.describe(tmp_path, None)}["glyphs"]

    assert entry["available"]
    assert entry["hash"] == Glyphs(GlyphEpisodes()).hash
    assert [len(characters) for characters in entry["samples"]["sets"]] == [20] * 5
    assert len({str(one) for some in entry["samples"]["sets"] for one in some}) == 100
