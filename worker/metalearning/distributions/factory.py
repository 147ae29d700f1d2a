"""From a spec's `episodes` to the task distribution it names."""

from __future__ import annotations

from pathlib import Path

import msgspec

from worker.metalearning.distributions.bandits import Bandits
from worker.metalearning.distributions.glyphs import Glyphs
from worker.metalearning.distributions.omniglot import Omniglot
from worker.metalearning.distributions.omniglot_archive import load_archive
from worker.metalearning.distributions.picture_sequences import GlyphSequences, OmniglotSequences
from worker.metalearning.distributions.problems import problems
from worker.metalearning.distributions.sinusoid import OracleSinusoid, Sinusoid
from worker.metalearning.episodes import TaskDistribution
from worker.metalearning.specs import (
    BanditSpec,
    GlyphEpisodes,
    LstmOptimizerSpec,
    MetricSpec,
    OmniglotEpisodes,
    OptimizingSpec,
    OracleSpec,
    RecurrentSpec,
    SinusoidEpisodes,
    Spec,
    Trials,
)


def training_distribution(
    spec: Spec, omniglot_dir: Path | None, cache_dir: Path | None
) -> TaskDistribution:
    """What the spec trains on."""
    if isinstance(spec, LstmOptimizerSpec):
        query = spec.evaluation.query
        return problems(spec.episodes, query=query, steps=spec.inner.steps)
    if isinstance(spec, MetricSpec) and spec.train_way:
        episodes = msgspec.structs.replace(spec.episodes, way=spec.train_way)
        return _distribution(spec, episodes, omniglot_dir, cache_dir)
    if isinstance(spec, OptimizingSpec):
        return evaluation_distribution(spec, omniglot_dir, cache_dir)
    if isinstance(spec, BanditSpec):
        return Bandits(spec.episodes)
    assert isinstance(spec.episodes, SinusoidEpisodes | OmniglotEpisodes | GlyphEpisodes)
    return _distribution(spec, spec.episodes, omniglot_dir, cache_dir)


def _distribution(
    spec: Spec,
    episodes: SinusoidEpisodes | OmniglotEpisodes | GlyphEpisodes,
    omniglot_dir: Path | None,
    cache_dir: Path | None,
) -> TaskDistribution:
    if isinstance(episodes, SinusoidEpisodes):
        return OracleSinusoid(episodes) if isinstance(spec, OracleSpec) else Sinusoid(episodes)
    is_read = isinstance(spec, RecurrentSpec)
    if isinstance(episodes, GlyphEpisodes):
        return (GlyphSequences if is_read else Glyphs)(episodes)
    kind = OmniglotSequences if is_read else Omniglot
    return kind(load_archive(omniglot_dir, cache_dir), episodes)


def evaluation_distribution(
    spec: Spec, omniglot_dir: Path | None, cache_dir: Path | None
) -> TaskDistribution:
    """What the spec is evaluated on: its own way, with the query size of its evaluation."""
    if isinstance(spec, OptimizingSpec):
        steps = max(spec.evaluation.steps, spec.horizon)
        return problems(spec.episodes, query=spec.evaluation.query, steps=steps)
    if isinstance(spec, BanditSpec):
        return Bandits(spec.episodes)
    assert isinstance(spec.episodes, SinusoidEpisodes | OmniglotEpisodes | GlyphEpisodes)
    assert isinstance(spec.evaluation, Trials)
    query = spec.evaluation.query or spec.episodes.query
    episodes = msgspec.structs.replace(spec.episodes, query=query)
    return _distribution(spec, episodes, omniglot_dir, cache_dir)
