"""What the specs of all algorithms share, and how an algorithm presents itself (no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from worker.metalearning.specs.parts import (
    BanditEpisodes,
    Conv4,
    ConvEncoder,
    Evaluation,
    FineTuning,
    Inner,
    Mlp,
    ModuleNetwork,
    OmniglotEpisodes,
    Outer,
    SinusoidEpisodes,
    Trials,
    Tries,
    shown,
)
from worker.metalearning.specs.pictures import GlyphEpisodes, ImageEpisodes
from worker.metalearning.specs.problems import Problems
from worker.metalearning.specs.sequence_networks import (
    GruNetwork,
    LstmNetwork,
    MannNetwork,
    NoNetwork,
    SnailNetwork,
)
from worker.metalearning.specs.update_rules import UpdateRule

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
    SinusoidEpisodes | OmniglotEpisodes | GlyphEpisodes | ImageEpisodes,
    Meta(title="Episodes", description="What the episodes are sampled from."),
]
OnlyImages = Annotated[
    OmniglotEpisodes | GlyphEpisodes | ImageEpisodes,
    Meta(title="Episodes", description="What the episodes are sampled from."),
]
OnlySinusoid = Annotated[
    SinusoidEpisodes, Meta(title="Episodes", description="What the episodes are sampled from.")
]
AnyEpisodes = Annotated[
    SinusoidEpisodes | OmniglotEpisodes | GlyphEpisodes | ImageEpisodes | Problems | BanditEpisodes,
    Meta(title="Episodes", description="What the episodes are sampled from."),
]
NETWORK = Meta(title="Network", description="The network that is meta-trained.")
_EVALUATION = Meta(title="Evaluation", description="Validation and the final test.")
WithQueries = Annotated[Trials, _EVALUATION]
INNER_LOOP = Meta(title="Inner loop", description="Adaptation to an episode.")
InnerLoop = Annotated[Inner, INNER_LOOP]
OUTER_LOOP = Meta(title="Outer loop", description="Meta-training.")
OuterLoop = Annotated[Outer, OUTER_LOOP]
Tuning = Annotated[
    FineTuning, Meta(title="Fine-tuning", description="How the step size is chosen.")
]


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
           tag_field="algorithm"):  # fmt: skip
    """What every algorithm's spec holds."""

    episodes: AnyEpisodes = msgspec.field(default_factory=SinusoidEpisodes)
    network: Annotated[
        Mlp
        | Conv4
        | ModuleNetwork
        | ConvEncoder
        | UpdateRule
        | LstmNetwork
        | MannNetwork
        | SnailNetwork
        | GruNetwork
        | NoNetwork,
        NETWORK,
    ] = msgspec.field(default_factory=Mlp)
    evaluation: Annotated[Tries, _EVALUATION] = msgspec.field(default_factory=Trials)
    seed: Seed = 0
    log_every: LogEvery = 0
    checkpoint_every: CheckpointEvery = 0


class AdaptingSpec(Spec, frozen=True, kw_only=True):
    """What fits a network to each episode by inner steps."""

    episodes: Episodes = msgspec.field(default_factory=SinusoidEpisodes)
    network: Annotated[Mlp | Conv4 | ModuleNetwork, NETWORK] = msgspec.field(default_factory=Mlp)
    evaluation: Annotated[Evaluation, _EVALUATION] = msgspec.field(default_factory=Evaluation)


class EncodingSpec(Spec, frozen=True, kw_only=True):
    """What compares embeddings of images and makes no steps."""

    episodes: OnlyImages = msgspec.field(default_factory=OmniglotEpisodes)
    network: Annotated[ConvEncoder, NETWORK] = msgspec.field(default_factory=ConvEncoder)
    evaluation: Annotated[Trials, _EVALUATION] = msgspec.field(default_factory=Trials)


class AlgorithmInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How an algorithm presents itself to people."""

    name: str
    title: str
    year: int
    paper: str
    summary: str
    spec_type: type[Spec]
    family: Literal["few-shot", "metric", "optimizer", "recurrent", "baseline"] = "few-shot"
