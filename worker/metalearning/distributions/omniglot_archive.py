"""Omniglot from its two official archives: read, shrink, cache and split (no torch).

Lake, Salakhutdinov, Tenenbaum 2015: 1,623 characters from 50 alphabets, 20 drawings each, 105x105.
As in Finn et al. 2017: drawings become 28x28, ink is 1 and paper 0, and the characters are shuffled
into 1,200 for training and 423 for test, whatever archive they came from. Model selection follows
the authors' code (cbfinn/maml, data_generator.py: `num_val = 100`, `num_train = 1200 - num_val`):
the last 100 of the 1,200 are kept out of meta-training and make the validation episodes.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker.metalearning.distributions.cached_arrays import read_arrays, write_arrays
from worker.metalearning.distributions.identity import Split, content_hash
from worker.metalearning.errors import DataMissing, SpecError
from worker.metalearning.specs import OmniglotEpisodes

ARCHIVES = ("images_background.zip", "images_evaluation.zip")
SIDE = 28


@dataclass(frozen=True)
class OmniglotArchive:
    """All drawings, `(characters, drawings, 28, 28)` uint8 with ink 255, and their names."""

    images: NDArray[np.uint8]
    names: tuple[str, ...]  # "Alphabet/character01", sorted
    pixel_hash: str

    @property
    def drawings(self) -> int:
        """Drawings per character: 20 in the official archives."""
        return int(self.images.shape[1])


def missing_archives(folder: Path | None) -> str | None:
    """What to get and where to put it, or None when both archives are there."""
    absent = [name for name in ARCHIVES if folder is None or not (folder / name).is_file()]
    if not absent:
        return None
    place = f"into {folder}" if folder else "into a folder, and set the Omniglot folder to it"
    return (
        f"Omniglot is not here: put {' and '.join(absent)} from the python/ folder of the official "
        f"repository github.com/brendenlake/omniglot {place}."
    )


def load_archive(folder: Path | None, cache: Path | None) -> OmniglotArchive:
    """The archive, from the cache when it was read before; raises DataMissing."""
    missing = missing_archives(folder)
    if missing or folder is None:
        raise DataMissing(missing or "no Omniglot folder")
    fingerprint = _fingerprint(folder)
    return _load(folder, cache, fingerprint)


@lru_cache(maxsize=2)
def _load(folder: Path, cache: Path | None, fingerprint: str) -> OmniglotArchive:
    path = cache / f"omniglot-{SIDE}-{fingerprint}.npz" if cache else None
    if path and (stored := read_arrays(path, ("images", "names", "pixel_hash"))):
        names = tuple(str(name) for name in stored["names"])
        return OmniglotArchive(stored["images"], names, str(stored["pixel_hash"]))
    archive = _read_archives(folder)
    if path:
        write_arrays(path, {"images": archive.images, "names": np.array(archive.names),
                            "pixel_hash": np.array(archive.pixel_hash)})  # fmt: skip
    return archive


def _fingerprint(folder: Path) -> str:
    """Names the archives' content by their tables of contents: names and CRC-32, unread."""
    digest = hashlib.sha256()
    for name in ARCHIVES:
        with zipfile.ZipFile(folder / name) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                digest.update(f"{entry.filename}:{entry.CRC}\n".encode())
    return digest.hexdigest()[:16]


def _read_archives(folder: Path) -> OmniglotArchive:
    drawings: dict[str, list[NDArray[np.uint8]]] = {}
    for name in ARCHIVES:
        with zipfile.ZipFile(folder / name) as archive:
            for path in sorted(p for p in archive.namelist() if p.endswith(".png")):
                alphabet, character = path.split("/")[-3:-1]
                with archive.open(path) as file:
                    drawings.setdefault(f"{alphabet}/{character}", []).append(_shrink(file.read()))
    names = tuple(sorted(drawings))
    counts = {len(images) for images in drawings.values()}
    if len(counts) != 1:
        raise DataMissing(f"{folder}: characters have {sorted(counts)} drawings, not one count")
    images = np.stack([np.stack(drawings[name]) for name in names])
    return OmniglotArchive(images, names, _pixel_hash(images, names))


def _shrink(png: bytes) -> NDArray[np.uint8]:
    """One 105x105 drawing as 28x28 with ink 255 (Lanczos, as the paper's authors resized)."""
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(255 - np.asarray(small, dtype=np.uint8), dtype=np.uint8)


def _pixel_hash(images: NDArray[np.uint8], names: tuple[str, ...]) -> str:
    """Of the pixels, not the zip: the same drawings packed anew are the same data."""
    digest = hashlib.sha256("\n".join(names).encode())
    digest.update(np.ascontiguousarray(images).tobytes())
    return digest.hexdigest()


def omniglot_hash(archive: OmniglotArchive, episodes: OmniglotEpisodes) -> str:
    """Content hash of the distribution. Rotations are left out: they change only training."""
    return content_hash(
        {
            "source": "omniglot",
            "pixels": archive.pixel_hash,
            "split": [episodes.split_seed, episodes.train_characters,
                      episodes.validation_characters],
            "way": episodes.way,
            "shot": episodes.shot,
            "query": episodes.query,
        }
    )  # fmt: skip


def split_characters(
    archive: OmniglotArchive, episodes: OmniglotEpisodes
) -> dict[Split, NDArray[np.int64]]:
    """Indices of the characters of each split, disjoint, by a shuffle seeded with split_seed."""
    count = len(archive.names)
    if count < episodes.train_characters + episodes.way:
        raise SpecError(
            "episodes.train_characters",
            f"{episodes.train_characters} of {count} characters leave no {episodes.way}-way test",
        )
    order = np.random.Generator(np.random.PCG64(episodes.split_seed)).permutation(count)
    kept = episodes.train_characters - episodes.validation_characters
    return {
        "train": np.sort(order[:kept]),
        "validation": np.sort(order[kept : episodes.train_characters]),
        "test": np.sort(order[episodes.train_characters :]),
    }
