"""What the episode sources hold, for a browser: availability, hash and samples (no torch)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.metalearning.distributions.bandit_tasks import bandits_hash
from worker.metalearning.distributions.glyph_drawings import glyph_pool, glyphs_hash
from worker.metalearning.distributions.identity import episode_generator, episode_id
from worker.metalearning.distributions.image_folders import LAYOUTS, datasets_in
from worker.metalearning.distributions.omniglot_archive import (
    OmniglotArchive,
    load_archive,
    missing_archives,
    omniglot_hash,
    split_characters,
)
from worker.metalearning.distributions.problem_sources import problem_sources
from worker.metalearning.distributions.sinusoid_tasks import sinusoid_hash, sinusoid_task
from worker.metalearning.specs import (
    BanditEpisodes,
    GlyphEpisodes,
    OmniglotEpisodes,
    SinusoidEpisodes,
)

SINUSOIDS = 8
POINTS = 30
SETS, CHARACTERS, DRAWINGS = 5, 20, 4


def describe(
    omniglot_dir: Path | None, cache_dir: Path | None, datasets_dir: Path | None = None
) -> list[dict[str, Any]]:
    """One entry per source, with the hash its default settings have.

    Reads the Omniglot archives (some 12 s) when the cache does not hold them yet.
    """
    return [
        _sinusoid(),
        _omniglot(omniglot_dir, cache_dir),
        _glyphs(),
        _images(datasets_dir),
        *problem_sources(),
        _bandits(),
    ]


def _sinusoid() -> dict[str, Any]:
    defaults = SinusoidEpisodes()
    shown = SinusoidEpisodes(shot=defaults.shot, query=POINTS - defaults.shot)
    name = sinusoid_hash(defaults)
    tasks = [
        sinusoid_task(shown, episode_id(name, "train", 0, index)) for index in range(SINUSOIDS)
    ]
    return {
        "name": "sinusoid",
        "title": "Sinusoids",
        "summary": "Regression on y = A sin(x - phase): amplitude from 0.1 to 5, phase from 0 to "
        "pi, x from -5 to 5. Finn et al. 2017, section 5.1.",
        "available": True,
        "missing": None,
        "hash": name,
        "samples": {
            "kind": "curves",
            "tasks": [
                {"amplitude": task.amplitude, "phase": task.phase, "x": np.sort(task.x).tolist()}
                for task in tasks
            ],
        },
    }


def _bandits() -> dict[str, Any]:
    return {
        "name": "bandits",
        "title": "Bandits",
        "summary": "Arms that pay 1 or 0, each with a probability of its own from 0 to 1, pulled a "
        "number of times. Duan et al. 2016, section 3.1.",
        "available": True,
        "missing": None,
        "hash": bandits_hash(BanditEpisodes()),
        "samples": None,
    }


def _glyphs() -> dict[str, Any]:
    defaults = GlyphEpisodes()
    pool = glyph_pool(defaults.glyph_seed, "test", SETS * CHARACTERS)
    found = pool.drawn(np.arange(SETS * CHARACTERS))
    characters = [
        {"label": f"glyph {number}", "drawings": _bitmaps(one[:DRAWINGS])}
        for number, one in enumerate(found)
    ]
    sets = [characters[start : start + CHARACTERS] for start in range(0, len(found), CHARACTERS)]
    return {
        "name": "glyphs",
        "title": "Drawn glyphs",
        "summary": "Characters that the program draws itself, of 2 to 4 strokes, 20 drawings each, "
        "at 28x28: nothing to download, as many as asked for, other ones in every split.",
        "available": True,
        "missing": None,
        "hash": glyphs_hash(defaults),
        "samples": {"kind": "bitmaps", "width": 28, "height": 28, "sets": sets},
    }


def _images(folder: Path | None) -> dict[str, Any]:
    """Which datasets there are; none is read here, so there is neither a hash nor a sample."""
    names = datasets_in(folder)
    place = f"into {folder}" if folder else "into the worker's folder of datasets"
    missing = f"No dataset of pictures is here: put a folder {place}, with {LAYOUTS}."
    there = f" Here: {', '.join(names)}." if names else ""
    return {
        "name": "images",
        "title": "Pictures",
        "summary": "Datasets of pictures in folders by class, or with tables as of miniImageNet."
        + there,
        "available": bool(names),
        "missing": None if names else missing,
        "hash": None,
        "samples": None,
    }


def _omniglot(folder: Path | None, cache: Path | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": "omniglot",
        "title": "Omniglot",
        "summary": "Handwritten characters of 50 alphabets, 20 drawings each, at 28x28; 1,200 "
        "characters for training and 423 for test. Lake et al. 2015.",
        "available": False,
        "missing": missing_archives(folder),
        "hash": None,
        "samples": None,
    }
    if entry["missing"]:
        return entry
    archive = load_archive(folder, cache)
    defaults = OmniglotEpisodes()
    if len(archive.names) < defaults.train_characters + defaults.way:
        entry["missing"] = (
            f"The archives in {folder} hold {len(archive.names)} characters of 1,623; "
            "put the complete official ones there."
        )
        return entry
    name = omniglot_hash(archive, defaults)
    return {**entry, "available": True, "hash": name, "samples": _drawings(archive, name, defaults)}


def _drawings(archive: OmniglotArchive, name: str, episodes: OmniglotEpisodes) -> dict[str, Any]:
    """Sets of characters from the test split; a drawing is 784 bits, row by row, high bit first."""
    characters = split_characters(archive, episodes)["test"]
    sets = []
    for index in range(SETS):
        numbers = episode_generator(episode_id(name, "test", 0, index))
        chosen = numbers.choice(characters, min(CHARACTERS, len(characters)), replace=False)
        sets.append([_character(archive, int(character)) for character in chosen])
    return {"kind": "bitmaps", "width": 28, "height": 28, "sets": sets}


def _character(archive: OmniglotArchive, character: int) -> dict[str, Any]:
    shown = archive.images[character, :DRAWINGS]
    return {"label": archive.names[character], "drawings": _bitmaps(shown)}


def _bitmaps(pixels: NDArray[np.uint8]) -> list[str]:
    """Each drawing as bits, in base64."""
    return [
        base64.b64encode(np.packbits(ink.reshape(-1)).tobytes()).decode() for ink in pixels > 127
    ]
