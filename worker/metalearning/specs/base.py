"""What the specs of all algorithms share, and how an algorithm presents itself (no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from worker.metalearning.specs.parts import (
    Conv4,
    Evaluation,
    FineTuning,
    Inner,
    Mlp,
    OmniglotEpisodes,
    Outer,
    SinusoidEpisodes,
    shown,
)

FINN = "Finn, Abbeel, Levine: Model-Agnostic Meta-Learning for Fast Adaptation (arXiv:1703.03400)"

Seed = Annotated[
    int,
    shown("Seed", "Seed of everything random in training.", group="Run", ge=0, le=2**31 - 1),
]
LogEvery = Annotated[
    int,
    shown(
        "Log every",
        "Record metrics every so many meta-steps; 0 chooses about 1,000 points a run.",
        unit="meta-steps",
        group="Run",
        ge=0,
        le=10_000_000,
    ),
]
CheckpointEvery = Annotated[
    int,
    shown(
        "Checkpoint every",
        "Save a resumable checkpoint every so many meta-steps, besides those every 15 s of a job.",
        unit="meta-steps",
        group="Run",
        ge=0,
        le=10_000_000,
    ),
]


Episodes = Annotated[
    SinusoidEpisodes | OmniglotEpisodes,
    Meta(title="Episodes", description="What the episodes are sampled from."),
]
OnlySinusoid = Annotated[
    SinusoidEpisodes, Meta(title="Episodes", description="What the episodes are sampled from.")
]
NetworkSpec = Annotated[
    Mlp | Conv4, Meta(title="Network", description="The network that is meta-trained.")
]
INNER_LOOP = Meta(title="Inner loop", description="Adaptation to an episode.")
InnerLoop = Annotated[Inner, INNER_LOOP]
OuterLoop = Annotated[Outer, Meta(title="Outer loop", description="Meta-training.")]
Evaluating = Annotated[
    Evaluation, Meta(title="Evaluation", description="Validation and the final test.")
]
Tuning = Annotated[
    FineTuning, Meta(title="Fine-tuning", description="How the step size is chosen.")
]


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
           tag_field="algorithm"):  # fmt: skip
    """What every algorithm's spec holds."""

    episodes: Episodes = msgspec.field(default_factory=SinusoidEpisodes)
    network: NetworkSpec = msgspec.field(default_factory=Mlp)
    evaluation: Evaluating = msgspec.field(default_factory=Evaluation)
    seed: Seed = 0
    log_every: LogEvery = 0
    checkpoint_every: CheckpointEvery = 0


class AlgorithmInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How an algorithm presents itself to people."""

    name: str
    title: str
    year: int
    paper: str
    summary: str
    spec_type: type[Spec]
    family: Literal["few-shot", "metric", "optimizer", "recurrent", "baseline"] = "few-shot"
