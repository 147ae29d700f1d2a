"""Datasets of pictures below the worker's folder of datasets: read, shrunk and kept (no torch).

Two layouts: `train|val|test/CLASS/*.png|jpg`, a folder a class; and that of miniImageNet (Ravi,
Larochelle 2017), `images/` with `train.csv`, `val.csv` and `test.csv` of `filename,label`.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker.metalearning.distributions.cached_arrays import read_arrays, write_arrays
from worker.metalearning.distributions.identity import Split, content_hash
from worker.metalearning.errors import DataMissing
from worker.metalearning.specs import ImageEpisodes

SPLITS: dict[Split, str] = {"train": "train", "validation": "val", "test": "test"}
SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_PICTURES = 200_000
MOST_BYTES = 2 * 2**30  # of all pictures shrunk, which are held in memory
MOST_FILE_BYTES = 32 * 2**20
MOST_PIXELS = 50_000_000  # of a picture as it comes
LAYOUTS = (
    "train, val and test with a folder of png or jpg pictures per class, or images with train.csv, "
    "val.csv and test.csv of filename,label"
)


@dataclass(frozen=True)
class ImageClass:
    """The pictures of a class: `count` from place `first` on."""

    split: Split
    name: str
    first: int
    count: int


@dataclass(frozen=True)
class ImageSet:
    """All pictures `(pictures, C, side, side)` uint8, class by class."""

    pixels: NDArray[np.uint8]
    classes: tuple[ImageClass, ...]
    content: str

    def of(self, split: Split) -> tuple[ImageClass, ...]:
        """The split's classes."""
        return tuple(one for one in self.classes if one.split == split)


@dataclass(frozen=True)
class _Listed:
    split: Split
    label: str
    path: Path


def datasets_in(folder: Path | None) -> list[str]:
    """Names of what looks like such datasets."""
    if folder is None or not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if _layout(one))


def load_images(folder: Path | None, cache: Path | None, episodes: ImageEpisodes) -> ImageSet:
    """The dataset that the episodes name; raises DataMissing with what is wrong and where."""
    place = folder / episodes.dataset if folder else None
    if place is None or not _layout(place):
        found = ", ".join(datasets_in(folder)) or "none"
        raise DataMissing(
            f"There is no dataset {episodes.dataset!r} in {folder or 'a folder of datasets'} "
            f"(there are: {found}). Put a folder of that name there, with {LAYOUTS}."
        )
    listed = _listed(place)
    _check(listed, place, episodes)
    return _load(place, cache, episodes.side, episodes.colour, _fingerprint(listed, place))


def images_hash(images: ImageSet, episodes: ImageEpisodes) -> str:
    """Content hash of the distribution: of pixels and classes, whatever the folder is called."""
    return content_hash(
        {
            "source": "images",
            "content": images.content,
            "way": episodes.way,
            "shot": episodes.shot,
            "query": episodes.query,
        }
    )


def _layout(place: Path) -> str | None:
    if (place / "images").is_dir() and (place / "train.csv").is_file():
        return "csv"
    return "folders" if (place / "train").is_dir() else None


def _listed(place: Path) -> list[_Listed]:
    """All pictures by split, class and name."""
    of_split = _rows if _layout(place) == "csv" else _folders
    found = [one for split in SPLITS for one in of_split(place, split)]
    return sorted(found, key=lambda one: (list(SPLITS).index(one.split), one.label, one.path.name))


def _folders(place: Path, split: Split) -> list[_Listed]:
    folder = place / SPLITS[split]
    if not folder.is_dir():
        return []
    return [
        _Listed(split, path.parent.name, path)
        for path in folder.glob("*/*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]


def _rows(place: Path, split: Split) -> list[_Listed]:
    table = place / f"{SPLITS[split]}.csv"
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"filename", "label"} <= set(rows.fieldnames or ()):
            raise DataMissing(f"{table}: its first line is not filename,label")
        return [_row(place, split, row, f"{table}, line {rows.line_num}") for row in rows]


def _row(place: Path, split: Split, row: dict[str, str], where: str) -> _Listed:
    name, label = row["filename"] or "", row["label"] or ""
    if not name or not label or "/" in name or "\\" in name:
        raise DataMissing(f"{where}: {name!r},{label!r} is not the name of a picture and its class")
    path = place / "images" / name
    if not path.is_file():
        raise DataMissing(f"{where}: there is no picture {name!r} in {place / 'images'}")
    return _Listed(split, label, path)


def _check(listed: list[_Listed], place: Path, episodes: ImageEpisodes) -> None:
    """Refuses what no episodes can be made of before a picture is read."""
    split_of: dict[str, Split] = {}
    for one in listed:
        if split_of.setdefault(one.label, one.split) != one.split:
            raise DataMissing(
                f"{place}: class {one.label!r} is in {SPLITS[split_of[one.label]]} and in "
                f"{SPLITS[one.split]}; a class belongs to one split"
            )
    path, times = Counter(one.path for one in listed).most_common(1)[0] if listed else (place, 1)
    if times > 1:
        raise DataMissing(f"{place}: picture {path.name!r} is listed {times} times")
    size = len(listed) * episodes.side**2 * (3 if episodes.colour else 1)
    if len(listed) > MOST_PICTURES or size > MOST_BYTES:
        raise DataMissing(
            f"{place}: {len(listed):,} pictures take {size / 2**30:.1f} GiB of memory; at most "
            f"{MOST_PICTURES:,} and {MOST_BYTES // 2**30} GiB are read. Use smaller pictures, grey "
            "ones or fewer."
        )


def _fingerprint(listed: list[_Listed], place: Path) -> str:
    """Names the files by place, size and time, unread."""
    digest = hashlib.sha256()
    for one in listed:
        stat = one.path.stat()
        name = one.path.relative_to(place)
        line = f"{one.split}:{one.label}:{name}:{stat.st_size}:{stat.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _load(place: Path, cache: Path | None, side: int, colour: bool, fingerprint: str) -> ImageSet:
    shades = "colour" if colour else "grey"
    path = cache / f"images-{side}-{shades}-{fingerprint}.npz" if cache else None
    listed = _listed(place)
    if path and (stored := read_arrays(path, ("pixels",))):
        pixels = stored["pixels"]
    else:
        pixels = _read(listed, side, colour)
        if path:
            write_arrays(path, {"pixels": pixels})
    classes = _classes(listed)
    return ImageSet(pixels, classes, _content(pixels, classes))


def _read(listed: list[_Listed], side: int, colour: bool) -> NDArray[np.uint8]:
    pixels = np.empty((len(listed), 3 if colour else 1, side, side), dtype=np.uint8)
    for index, one in enumerate(listed):
        pixels[index] = _picture(one.path, side, colour)
    return pixels


def _picture(path: Path, side: int, colour: bool) -> NDArray[np.uint8]:
    """One picture `(C, side, side)`, whatever its own width and height (Lanczos)."""
    if path.stat().st_size > MOST_FILE_BYTES:
        raise DataMissing(f"{path} is larger than {MOST_FILE_BYTES // 2**20} MiB")
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise DataMissing(f"{path} has more than {MOST_PIXELS:,} pixels")
            small = image.convert("RGB" if colour else "L").resize(
                (side, side), Image.Resampling.LANCZOS
            )
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataMissing(f"{path} cannot be read as a PNG or JPEG picture: {error}") from None
    return np.asarray(small, dtype=np.uint8).reshape(side, side, -1).transpose(2, 0, 1)


def _classes(listed: list[_Listed]) -> tuple[ImageClass, ...]:
    found: list[ImageClass] = []
    first = 0
    for (split, label), count in Counter((one.split, one.label) for one in listed).items():
        found.append(ImageClass(split, label, first, count))
        first += count
    return tuple(found)


def _content(pixels: NDArray[np.uint8], classes: tuple[ImageClass, ...]) -> str:
    digest = hashlib.sha256(str(pixels.shape).encode())
    for one in classes:
        name = f"{one.split}:{one.name}:{one.count}\n"
        digest.update(name.encode("utf-8", "surrogateescape"))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
