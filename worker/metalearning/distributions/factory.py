"""From a spec's `episodes` to the task distribution it names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from worker.metalearning.distributions.bandits import Bandits
from worker.metalearning.distributions.glyphs import Glyphs
from worker.metalearning.distributions.identity import Split
from worker.metalearning.distributions.image_folders import load_images
from worker.metalearning.distributions.images import Images
from worker.metalearning.distributions.omniglot import Omniglot
from worker.metalearning.distributions.omniglot_archive import load_archive
from worker.metalearning.distributions.picture_sequences import (
    GlyphSequences,
    ImageSequences,
    OmniglotSequences,
)
from worker.metalearning.distributions.problems import problems
from worker.metalearning.distributions.sinusoid import OracleSinusoid, Sinusoid
from worker.metalearning.episodes import TaskDistribution
from worker.metalearning.specs import (
    BanditSpec,
    GlyphEpisodes,
    ImageEpisodes,
    LstmOptimizerSpec,
    MetricSpec,
    OmniglotEpisodes,
    OptimizingSpec,
    OracleSpec,
    RandomInitSpec,
    RecurrentSpec,
    SinusoidEpisodes,
    Spec,
    Trials,
)

PictureSource = OmniglotEpisodes | GlyphEpisodes | ImageEpisodes


def training_distribution(
    spec: Spec, omniglot_dir: Path | None, cache_dir: Path | None,
    datasets_dir: Path | None = None,
) -> TaskDistribution:  # fmt: skip
    """What the spec trains on."""
    folders = Folders(omniglot_dir, cache_dir, datasets_dir)
    if isinstance(spec, LstmOptimizerSpec):
        query = spec.evaluation.query
        return problems(spec.episodes, query=query, steps=spec.inner.steps)
    if isinstance(spec, MetricSpec) and spec.train_way:
        episodes = msgspec.structs.replace(spec.episodes, way=spec.train_way)
        return _distribution(spec, episodes, folders, ("train",))
    if isinstance(spec, OptimizingSpec):
        return evaluation_distribution(spec, omniglot_dir, cache_dir)
    if isinstance(spec, BanditSpec):
        return Bandits(spec.episodes)
    assert isinstance(spec.episodes, SinusoidEpisodes | PictureSource)
    return _distribution(spec, spec.episodes, folders, ("train",))


def evaluation_distribution(
    spec: Spec, omniglot_dir: Path | None, cache_dir: Path | None,
    datasets_dir: Path | None = None,
) -> TaskDistribution:  # fmt: skip
    """What the spec is evaluated on: its own way, with the query size of its evaluation."""
    if isinstance(spec, OptimizingSpec):
        steps = max(spec.evaluation.steps, spec.horizon)
        return problems(spec.episodes, query=spec.evaluation.query, steps=steps)
    if isinstance(spec, BanditSpec):
        return Bandits(spec.episodes)
    assert isinstance(spec.episodes, SinusoidEpisodes | PictureSource)
    assert isinstance(spec.evaluation, Trials)
    query = spec.evaluation.query or spec.episodes.query
    episodes = msgspec.structs.replace(spec.episodes, query=query)
    validates = spec.evaluation.every > 0 or isinstance(spec, RandomInitSpec)
    splits: tuple[Split, ...] = ("validation", "test") if validates else ("test",)
    folders = Folders(omniglot_dir, cache_dir, datasets_dir)
    return _distribution(spec, episodes, folders, splits)


class Folders(NamedTuple):
    """Where data lies on this machine."""

    omniglot: Path | None
    cache: Path | None
    datasets: Path | None


def _distribution(
    spec: Spec, episodes: SinusoidEpisodes | PictureSource, folders: Folders,
    splits: tuple[Split, ...],
) -> TaskDistribution:  # fmt: skip
    """That of the episodes; `splits` are those that will be sampled."""
    is_read = isinstance(spec, RecurrentSpec)
    match episodes:
        case SinusoidEpisodes():
            return OracleSinusoid(episodes) if isinstance(spec, OracleSpec) else Sinusoid(episodes)
        case GlyphEpisodes():
            return (GlyphSequences if is_read else Glyphs)(episodes)
        case ImageEpisodes():
            images = load_images(folders.datasets, folders.cache, episodes)
            return (ImageSequences if is_read else Images)(images, episodes, splits)
        case OmniglotEpisodes():
            archive = load_archive(folders.omniglot, folders.cache)
            return (OmniglotSequences if is_read else Omniglot)(archive, episodes)
