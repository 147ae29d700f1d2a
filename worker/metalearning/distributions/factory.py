"""From a spec's `episodes` to the task distribution it names."""

from __future__ import annotations

from pathlib import Path

import msgspec

from worker.metalearning.distributions.omniglot import Omniglot
from worker.metalearning.distributions.omniglot_archive import load_archive
from worker.metalearning.distributions.sinusoid import OracleSinusoid, Sinusoid
from worker.metalearning.episodes import TaskDistribution
from worker.metalearning.specs import OracleSpec, SinusoidEpisodes, Spec


def training_distribution(
    spec: Spec, omniglot_dir: Path | None, cache_dir: Path | None
) -> TaskDistribution:
    """What the spec trains on."""
    episodes = spec.episodes
    if isinstance(episodes, SinusoidEpisodes):
        return OracleSinusoid(episodes) if isinstance(spec, OracleSpec) else Sinusoid(episodes)
    return Omniglot(load_archive(omniglot_dir, cache_dir), episodes)


def evaluation_distribution(
    spec: Spec, omniglot_dir: Path | None, cache_dir: Path | None
) -> TaskDistribution:
    """What the spec is evaluated on: the same, with the query size of its evaluation."""
    if not spec.evaluation.query:
        return training_distribution(spec, omniglot_dir, cache_dir)
    episodes = msgspec.structs.replace(spec.episodes, query=spec.evaluation.query)
    changed = msgspec.structs.replace(spec, episodes=episodes)
    return training_distribution(changed, omniglot_dir, cache_dir)
