"""Omniglot: archives, split, rotations; on tiny archives, and on the real ones if here."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.metalearning.building import write_archives
from worker.metalearning import catalog
from worker.metalearning.distributions.omniglot import Omniglot
from worker.metalearning.distributions.omniglot_archive import (
    OmniglotArchive,
    _load,
    load_archive,
    split_characters,
)
from worker.metalearning.errors import DataMissing, SpecError
from worker.metalearning.specs import OmniglotEpisodes

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("METASCOPE_OMNIGLOT", ROOT.parent / "shared" / "data" / "omniglot"))
needs_real = pytest.mark.skipif(
    not (REAL / "images_background.zip").is_file(), reason=f"no Omniglot archives in {REAL}"
)


def tiny_episodes(**changes: object) -> OmniglotEpisodes:
    return OmniglotEpisodes(
        **{"way": 3, "train_characters": 16, "validation_characters": 4, "shot": 1, "query": 2,
           **changes}  # type: ignore[arg-type]
    )  # fmt: skip


def forget_archives() -> None:
    """As a new process would: nothing in memory."""
    _load.cache_clear()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> OmniglotArchive:
    return load_archive(write_archives(tmp_path_factory.mktemp("omniglot")), None)


@pytest.mark.parametrize("present", [(), ("images_background.zip",)])
def test_missing_archives_are_named_with_where_to_put_them(
    present: tuple[str, ...], tmp_path: Path
) -> None:
    for name in present:
        (tmp_path / name).write_bytes(b"")

    with pytest.raises(DataMissing) as caught:
        load_archive(tmp_path, None)

    assert "images_evaluation.zip" in str(caught.value)
    assert ("images_background.zip" in str(caught.value)) == (not present)
    assert "github.com/brendenlake/omniglot" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_both_archives_make_one_list_of_characters_with_ink_high(archive: OmniglotArchive) -> None:
    assert archive.images.shape == (24, 4, 28, 28)
    assert archive.names[0] == "Alphabet0/character00"
    assert archive.names[-1] == "Alphabet1/character11"
    assert archive.images.max() == 255
    assert np.median(archive.images) == 0


def test_cache_gives_the_same_archive(tmp_path: Path) -> None:
    folder, cache = write_archives(tmp_path), tmp_path / "cache"

    first = load_archive(folder, cache)
    stored = list(cache.iterdir())
    forget_archives()
    second = load_archive(folder, cache)

    assert [path.suffix for path in stored] == [".npz"]
    assert second.pixel_hash == first.pixel_hash
    assert np.array_equal(second.images, first.images)


def test_broken_cache_is_read_anew(tmp_path: Path) -> None:
    folder, cache = write_archives(tmp_path), tmp_path / "cache"
    first = load_archive(folder, cache)
    (path,) = cache.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    forget_archives()

    second = load_archive(folder, cache)

    assert second.pixel_hash == first.pixel_hash
    assert path.stat().st_size > 1000


def test_archives_packed_anew_are_the_same_data(tmp_path: Path) -> None:
    first = load_archive(write_archives(tmp_path), None)
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("images_background.zip", "images_evaluation.zip"):
        with (
            zipfile.ZipFile(tmp_path / name) as old,
            zipfile.ZipFile(packed / name, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for entry in reversed(old.namelist()):
                new.writestr(entry, old.read(entry))

    assert load_archive(packed, None).pixel_hash == first.pixel_hash


def test_splits_are_disjoint_and_cover_all_characters(archive: OmniglotArchive) -> None:
    split = split_characters(archive, tiny_episodes())

    sizes = {name: len(characters) for name, characters in split.items()}
    assert sizes == {"train": 12, "validation": 4, "test": 8}
    assert len(set(np.concatenate(list(split.values())).tolist())) == 24


def test_split_depends_on_its_seed_alone(archive: OmniglotArchive) -> None:
    one = split_characters(archive, tiny_episodes())["test"]

    assert np.array_equal(one, split_characters(archive, tiny_episodes(shot=2))["test"])
    assert not np.array_equal(one, split_characters(archive, tiny_episodes(split_seed=2))["test"])


def test_too_few_characters_for_the_split_are_refused(archive: OmniglotArchive) -> None:
    with pytest.raises(SpecError, match="24 characters"):
        split_characters(archive, OmniglotEpisodes())


def test_rotations_make_four_training_classes_of_each_character(archive: OmniglotArchive) -> None:
    turned = Omniglot(archive, tiny_episodes())
    upright = Omniglot(archive, tiny_episodes(rotations=False))

    assert (turned.training_classes, upright.training_classes) == (48, 12)
    classes = turned._train
    assert torch.equal(classes[:12], upright._train)
    for turn in (1, 2, 3):
        for character in (0, 5):
            expected = np.rot90(upright._train[character].numpy(), turn, axes=(1, 2))
            assert np.array_equal(classes[12 * turn + character].numpy(), expected)


def test_evaluation_characters_stay_upright_and_in_their_split(archive: OmniglotArchive) -> None:
    distribution = Omniglot(archive, tiny_episodes())
    allowed = archive.images[distribution.characters["test"]].reshape(-1, 28 * 28)
    known = {image.tobytes() for image in allowed}

    for index in range(10):
        episode = distribution.sample("test", index, 0)
        pixels = torch.cat([episode.support_x, episode.query_x]).mul(255).round().byte().numpy()
        assert all(image.tobytes() in known for image in pixels.reshape(-1, 28 * 28))


def test_labels_follow_classes_and_support_never_repeats_in_query(
    archive: OmniglotArchive,
) -> None:
    distribution = Omniglot(archive, tiny_episodes())
    batch = distribution.sample_batch(torch.Generator().manual_seed(0), 20)

    assert batch.support_x.shape == (20, 3, 1, 28, 28)
    assert batch.query_x.shape == (20, 6, 1, 28, 28)
    assert batch.support_y[0].tolist() == [0, 1, 2]
    assert batch.query_y[0].tolist() == [0, 0, 1, 1, 2, 2]
    for e in range(20):
        drawings = torch.cat([batch.support_x[e], batch.query_x[e]]).reshape(9, -1)
        assert len({bytes(d.mul(255).byte().tolist()) for d in drawings}) == 9


def test_episode_is_the_same_for_the_same_id(archive: OmniglotArchive) -> None:
    one = Omniglot(archive, tiny_episodes()).sample("test", 4, 0)
    two = Omniglot(archive, tiny_episodes(rotations=False)).sample("test", 4, 0)
    other = Omniglot(archive, tiny_episodes(query=1)).sample("test", 4, 0)

    assert one.id == two.id
    assert torch.equal(one.support_x, two.support_x)
    assert one.id != other.id


def test_catalogue_says_what_is_missing() -> None:
    sinusoid, omniglot = catalog.describe(None, None)[:2]

    assert sinusoid["available"]
    assert len(sinusoid["samples"]["tasks"]) == 8
    assert {len(task["x"]) for task in sinusoid["samples"]["tasks"]} == {30}
    assert not omniglot["available"]
    assert "images_background.zip" in omniglot["missing"]
    assert omniglot["samples"] is None


def test_catalogue_refuses_incomplete_archives(tmp_path: Path) -> None:
    omniglot = catalog.describe(write_archives(tmp_path), None)[1]

    assert not omniglot["available"]
    assert "24 characters of 1,623" in omniglot["missing"]


@pytest.fixture(scope="session")
def real_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept from one test run to the next, where pytest does: reading the drawings takes 12 s."""
    kept = getattr(request.config, "cache", None)  # not there with -p no:cacheprovider
    return tmp_path_factory.mktemp("omniglot") if kept is None else kept.mkdir("omniglot")


@needs_real
def test_official_archives_split_as_in_the_paper(real_cache: Path) -> None:
    """Finn et al. 2017: 1,200 characters for training (100 of them to validate), 423 for test."""
    found = load_archive(REAL, real_cache)

    distribution = Omniglot(found, OmniglotEpisodes())

    assert found.images.shape == (1623, 20, 28, 28)
    sizes = {name: len(chars) for name, chars in distribution.characters.items()}
    assert sizes == {"train": 1100, "validation": 100, "test": 423}
    assert distribution.training_classes == 4400
    assert 0.05 < found.images.mean() / 255 < 0.12


@needs_real
def test_catalogue_hash_equals_the_engines(real_cache: Path) -> None:
    entry = catalog.describe(REAL, real_cache)[1]

    assert entry["hash"] == Omniglot(load_archive(REAL, real_cache), OmniglotEpisodes()).hash
    sets = entry["samples"]["sets"]
    assert [len(characters) for characters in sets] == [20] * 5
    assert {len(c["drawings"]) for characters in sets for c in characters} == {4}
