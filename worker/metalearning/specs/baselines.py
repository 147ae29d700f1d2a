"""What meta-learning is to be measured against (no torch)."""

from __future__ import annotations

import msgspec

from worker.metalearning.specs.base import (
    FINN,
    AdaptingSpec,
    AlgorithmInfo,
    OnlySinusoid,
    OuterLoop,
    Tuning,
)
from worker.metalearning.specs.parts import FineTuning, Outer, SinusoidEpisodes


class PretrainedSpec(AdaptingSpec, frozen=True, kw_only=True, tag="pretrained"):
    """One network for all episodes pooled, then fine-tuned."""

    episodes: OnlySinusoid = msgspec.field(default_factory=SinusoidEpisodes)
    outer: OuterLoop = msgspec.field(default_factory=Outer)
    fine_tuning: Tuning = msgspec.field(default_factory=FineTuning)


class RandomInitSpec(AdaptingSpec, frozen=True, kw_only=True, tag="random_init"):
    """No meta-training: each episode is learned from a random initialisation."""

    fine_tuning: Tuning = msgspec.field(default_factory=FineTuning)


class OracleSpec(AdaptingSpec, frozen=True, kw_only=True, tag="oracle"):
    """A network that is told amplitude and phase: the best to hope for."""

    episodes: OnlySinusoid = msgspec.field(default_factory=SinusoidEpisodes)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


BASELINES = (
    AlgorithmInfo(
        name="pretrained", title="Pretrained, fine-tuned", year=2017, paper=FINN,
        spec_type=PretrainedSpec, family="baseline",
        summary="Baseline: one network trained on all episodes pooled, then fine-tuned.",
    ),
    AlgorithmInfo(
        name="random_init", title="Random initialisation", year=2017, paper=FINN,
        spec_type=RandomInitSpec, family="baseline",
        summary="Baseline: learns each episode from scratch, with no meta-training.",
    ),
    AlgorithmInfo(
        name="oracle", title="Oracle", year=2017, paper=FINN, spec_type=OracleSpec,
        family="baseline",
        summary="Upper bound: receives each sinusoid's amplitude and phase as inputs.",
    ),
)  # fmt: skip
