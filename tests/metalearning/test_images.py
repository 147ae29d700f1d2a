"""Datasets of pictures: two layouts, what is refused by name, what is kept, and training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from tests.metalearning.building import drop_system
from worker.metalearning import catalog, specs
from worker.metalearning.distributions import image_folders
from worker.metalearning.distributions.image_folders import ImageSet, load_images
from worker.metalearning.distributions.images import Images
from worker.metalearning.errors import DataMissing, SpecError
from worker.metalearning.specs import ImageEpisodes
from worker.metalearning.training import Report, train

SPLITS = {"train": 4, "val": 3, "test": 3}
PICTURES = 5


def picture(path: Path, number: int, copy: int) -> None:
    """Stripes of a class's own direction and colour, wider than high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    down, across = np.mgrid[0:40, 0:60]
    wave = np.sin((down * np.cos(number) + across * np.sin(number)) / 3 + copy)
    shades = np.stack([wave * 100 + 128, wave * 0 + 20 * number, wave * 0 + 40 * copy], axis=-1)
    Image.fromarray(shades.astype(np.uint8)).save(path)


def write_folders(datasets: Path, name: str = "stripes") -> Path:
    number = 0
    for split, classes in SPLITS.items():
        for _ in range(classes):
            for copy in range(PICTURES):
                kind = "jpg" if copy == 0 else "png"
                path = datasets / name / split / f"class{number}" / f"c{number}_{copy}.{kind}"
                picture(path, number, copy)
            number += 1
    return datasets / name


def write_tables(datasets: Path, folders: Path, name: str = "tables") -> Path:
    """The same pictures in the layout of miniImageNet."""
    place = datasets / name
    (place / "images").mkdir(parents=True)
    for split in SPLITS:
        rows = ["filename,label"]
        for path in sorted((folders / split).glob("*/*")):
            shutil.copy(path, place / "images" / path.name)
            rows.append(f"{path.name},{path.parent.name}")
        (place / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return place


def asked(**changes: Any) -> ImageEpisodes:
    return ImageEpisodes(
        **{"dataset": "stripes", "way": 3, "shot": 1, "query": 2, "side": 16, **changes}
    )


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    return write_folders(tmp_path / "datasets")


def load(stripes: Path, cache: Path | None = None, **changes: Any) -> ImageSet:
    return load_images(stripes.parent, cache, asked(**changes))


def forget() -> None:
    """As a new process would: nothing in memory."""
    image_folders._load.cache_clear()


def test_folders_are_read_by_split_and_class(stripes: Path) -> None:
    images = load(stripes)

    assert images.pixels.shape == (50, 3, 16, 16)
    assert {split: len(images.of(split)) for split in image_folders.SPLITS} == {
        "train": 4, "validation": 3, "test": 3,
    }  # fmt: skip
    assert [one.name for one in images.of("validation")] == ["class4", "class5", "class6"]
    names = [one.name for one in images.classes]
    assert len(set(names)) == len(names)


def test_both_layouts_of_the_same_pictures_are_the_same_data(stripes: Path) -> None:
    write_tables(stripes.parent, stripes)

    folders, tables = load(stripes), load(stripes, dataset="tables")

    assert np.array_equal(folders.pixels, tables.pixels)
    assert folders.content == tables.content


def test_pixels_are_the_pictures_shrunk_in_colour_or_grey(stripes: Path) -> None:
    path = stripes / "test" / "class7" / "c7_3.png"
    with Image.open(path) as image:
        small = np.asarray(image.resize((16, 16), Image.Resampling.LANCZOS))

    images = load(stripes)

    first = images.of("test")[0].first
    assert (
        (images.pixels[first : first + PICTURES] == small.transpose(2, 0, 1)).all((1, 2, 3)).any()
    )
    assert load(stripes, colour=False).pixels.shape == (50, 1, 16, 16)


def test_kept_pixels_are_the_same_and_a_broken_file_is_made_anew(
    stripes: Path, tmp_path: Path
) -> None:
    forget()
    first = load(stripes, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    forget()
    mended = load(stripes, tmp_path / "cache")
    forget()
    again = load(stripes, tmp_path / "cache")

    assert first.content == mended.content == again.content
    assert kept.stat().st_size > 1000


def test_a_changed_picture_is_other_data(stripes: Path, tmp_path: Path) -> None:
    before = load(stripes, tmp_path / "cache")
    picture(stripes / "train" / "class0" / "c0_1.png", 9, 4)

    after = load(stripes, tmp_path / "cache")

    assert Images(before, asked(), ()).hash != Images(after, asked(), ()).hash


def test_a_dataset_that_is_not_there_is_named_with_those_that_are(stripes: Path) -> None:
    with pytest.raises(DataMissing, match=r"no dataset 'cats'.*there are: stripes"):
        load(stripes, dataset="cats")


@pytest.mark.parametrize("name", ["../stripes", "/etc", "a/b", "", ".hidden"])
def test_a_dataset_is_a_name_and_no_path(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        specs.parse(
            {"algorithm": "maml", "network": {"kind": "conv4"},
             "episodes": {"source": "images", "dataset": name}}
        )  # fmt: skip

    assert caught.value.path == "episodes.dataset"


def test_a_class_of_two_splits_is_refused_by_name(stripes: Path) -> None:
    picture(stripes / "test" / "class0" / "again.png", 0, 0)

    with pytest.raises(DataMissing, match="class 'class0' is in train and in test"):
        load(stripes)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("../secret.png,class7", "line 17: '../secret.png','class7' is not the name"),
        ("nowhere.png,class7", "line 17: there is no picture 'nowhere.png'"),
        ("c7_1.png,class7", "picture 'c7_1.png' is listed 2 times"),
        ("c7_1.png", "line 17: 'c7_1.png','' is not the name"),
    ],
)
def test_a_row_that_cannot_be_is_told_by_line(stripes: Path, row: str, told: str) -> None:
    table = write_tables(stripes.parent, stripes) / "test.csv"
    table.write_text(f"{table.read_text()}{row}\n")

    with pytest.raises(DataMissing) as caught:
        load(stripes, dataset="tables")

    assert told in str(caught.value)


def test_a_file_that_is_no_picture_is_named(stripes: Path) -> None:
    (stripes / "train" / "class0" / "c0_1.png").write_bytes(b"no picture")

    with pytest.raises(DataMissing, match=r"c0_1\.png cannot be read"):
        load(stripes)


def test_more_pictures_than_memory_is_given_are_refused_before_they_are_read(
    stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folders, "MOST_PICTURES", 49)
    monkeypatch.setattr(image_folders, "_read", None)

    with pytest.raises(DataMissing, match="50 pictures take"):
        load(stripes, side=17)


def test_too_few_pictures_of_a_class_are_told_by_its_name(stripes: Path) -> None:
    (stripes / "test" / "class8" / "c8_1.png").unlink()
    images = load(stripes)

    Images(images, asked(query=4), ("train",))
    with pytest.raises(SpecError, match="class 'class8' of stripes/test has 4 pictures") as caught:
        Images(images, asked(query=4), ("test",))
    assert caught.value.path == "episodes.shot"


def test_too_few_classes_of_a_split_are_told(stripes: Path) -> None:
    with pytest.raises(SpecError, match="stripes/val has 3 classes, too few for 4-way"):
        Images(load(stripes), asked(way=4), ("validation",))


def test_episodes_keep_to_their_split_whatever_the_sizes_of_classes(stripes: Path) -> None:
    (stripes / "train" / "class1" / "c1_1.png").unlink()
    images = load(stripes)
    distribution = Images(images, asked(shot=2), ("train", "validation", "test"))
    known = {
        split: {
            images.pixels[place].tobytes(): one.name
            for one in images.of(split)
            for place in range(one.first, one.first + one.count)
        }
        for split in image_folders.SPLITS
    }

    batch = distribution.sample_batch(torch.Generator().manual_seed(0), 30)
    for episode in range(30):
        _is_sound(batch.support_x[episode], batch.query_x[episode], known["train"])
    for split in image_folders.SPLITS:
        one, again = (distribution.sample(split, 3, 0) for _ in range(2))
        assert torch.equal(one.support_x, again.support_x)
        _is_sound(one.support_x, one.query_x, known[split])


def _is_sound(support: torch.Tensor, query: torch.Tensor, known: dict[bytes, str]) -> None:
    """Three classes, two pictures each to learn from and two to answer, none twice."""
    pictures = [
        one.numpy().tobytes() for one in torch.cat([support, query]).mul(255).round().byte()
    ]
    names = [known[one] for one in pictures]
    assert len(set(pictures)) == 12
    assert names[::2][:3] == names[1::2][:3] == names[6::2] == names[7::2]
    assert len(set(names)) == 3


def image_spec(algorithm: str, **changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": algorithm,
            "episodes": msgspec.to_builtins(asked()),
            "outer": {"steps": 4, "episodes_per_step": 2, "lr": 0.01},
            "evaluation": {"episodes": 4, "every": 2, "episodes_during_training": 2},
            "log_every": 1,
            **changes,
        }
    )


def run(spec: specs.Spec, stripes: Path) -> list[Report]:
    return list(
        train(spec, device="cpu", omniglot_dir=None, cache_dir=None, datasets_dir=stripes.parent)
    )


@pytest.mark.parametrize(
    ("algorithm", "network"),
    [
        ("maml", {"kind": "conv4", "filters": 4}),
        ("prototypical", {"kind": "conv_encoder", "filters": 4, "pooled": 2}),
        ("lstm", {"kind": "lstm", "hidden": 8, "filters": 4}),
        ("meta_lstm", {"kind": "conv4", "filters": 4}),
    ],
)
def test_every_family_trains_on_pictures_and_repeats(
    algorithm: str, network: dict[str, Any], stripes: Path
) -> None:
    spec = image_spec(algorithm, network=network)

    first, again = run(spec, stripes), run(spec, stripes)

    assert drop_system(first) == drop_system(again)
    assert first[-1].evaluation is not None
    assert first[-1].evaluation.accuracies is not None


def test_without_validation_no_such_split_is_needed(stripes: Path) -> None:
    shutil.rmtree(stripes / "val")
    network = {"kind": "conv4", "filters": 4}

    with pytest.raises(SpecError, match="stripes/val has 0 classes"):
        run(image_spec("maml", network=network), stripes)
    never = {"episodes": 4, "every": 0}
    assert run(image_spec("maml", network=network, evaluation=never), stripes)[-1].evaluation


def test_catalogue_names_the_datasets_or_says_what_to_put_where(
    stripes: Path, tmp_path: Path
) -> None:
    def entry(folder: Path) -> dict[str, Any]:
        return {one["name"]: one for one in catalog.describe(None, None, folder)}["images"]

    assert entry(stripes.parent)["available"]
    assert "Here: stripes." in entry(stripes.parent)["summary"]
    assert not entry(tmp_path / "nowhere")["available"]
    assert str(tmp_path / "nowhere") in entry(tmp_path / "nowhere")["missing"]
