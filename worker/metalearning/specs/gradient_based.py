"""Few-shot learning by gradients: an initialisation from which an episode is fitted (no torch)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from worker.metalearning.specs.base import (
    FINN,
    INNER_LOOP,
    OUTER_LOOP,
    AdaptingSpec,
    AlgorithmInfo,
    InnerLoop,
    OuterLoop,
)
from worker.metalearning.specs.parts import (
    Inner,
    MamlPlusPlusChanges,
    Outer,
    PlusPlusInner,
    PlusPlusOuter,
    RatedInner,
    ReptileInner,
    TrainedInner,
    shown,
)


class MamlSpec(AdaptingSpec, frozen=True, kw_only=True, tag="maml"):
    """MAML, second order."""

    inner: InnerLoop = msgspec.field(default_factory=Inner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class FomamlSpec(AdaptingSpec, frozen=True, kw_only=True, tag="fomaml"):
    """First-order MAML: MAML that drops the derivative of the inner steps."""

    inner: InnerLoop = msgspec.field(default_factory=Inner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class ReptileSpec(AdaptingSpec, frozen=True, kw_only=True, tag="reptile"):
    """Reptile: move towards the adapted parameters."""

    inner: Annotated[ReptileInner, INNER_LOOP] = msgspec.field(default_factory=ReptileInner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class AnilSpec(AdaptingSpec, frozen=True, kw_only=True, tag="anil"):
    """MAML whose inner loop changes the last layer only."""

    inner: Annotated[TrainedInner, INNER_LOOP] = msgspec.field(default_factory=TrainedInner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class MetaSgdSpec(AdaptingSpec, frozen=True, kw_only=True, tag="meta_sgd"):
    """MAML that learns a rate for every parameter, too."""

    inner: Annotated[RatedInner, INNER_LOOP] = msgspec.field(default_factory=RatedInner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)
    second_order: Annotated[
        bool,
        shown("Second order", "Take the derivative of the inner steps, too.", group="Inner loop"),
    ] = True


class MamlPlusPlusSpec(AdaptingSpec, frozen=True, kw_only=True, tag="maml_plus_plus"):
    """MAML with the changes of Antoniou et al. 2019, each a switch."""

    inner: Annotated[PlusPlusInner, INNER_LOOP] = msgspec.field(default_factory=PlusPlusInner)
    outer: Annotated[PlusPlusOuter, OUTER_LOOP] = msgspec.field(default_factory=PlusPlusOuter)
    changes: Annotated[
        MamlPlusPlusChanges, Meta(title="MAML++", description="What it changes about MAML.")
    ] = msgspec.field(default_factory=MamlPlusPlusChanges)


RAGHU = "Raghu, Raghu, Bengio, Vinyals: Rapid Learning or Feature Reuse? (arXiv:1909.09157)"
LI = "Li, Zhou, Chen, Li: Meta-SGD: Learning to Learn Quickly (arXiv:1707.09835)"
ANTONIOU = "Antoniou, Edwards, Storkey: How to Train Your MAML (arXiv:1810.09502)"
NICHOL = "Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms (arXiv:1803.02999)"

GRADIENT_BASED = (
    AlgorithmInfo(
        name="maml", title="MAML", year=2017, paper=FINN, spec_type=MamlSpec,
        summary="Learns an initialisation from which a few gradient steps fit a new episode.",
    ),
    AlgorithmInfo(
        name="fomaml", title="First-order MAML", year=2017, paper=FINN,
        spec_type=FomamlSpec,
        summary="MAML without second derivatives: cheaper steps, nearly the same result.",
    ),
    AlgorithmInfo(
        name="reptile", title="Reptile", year=2018, paper=NICHOL, spec_type=ReptileSpec,
        summary="Moves the initialisation towards the parameters adapted to each episode.",
    ),
    AlgorithmInfo(
        name="anil", title="ANIL", year=2020, paper=RAGHU, spec_type=AnilSpec,
        summary="MAML that adapts the last layer alone: features are reused, not relearned.",
    ),
    AlgorithmInfo(
        name="meta_sgd", title="Meta-SGD", year=2017, paper=LI, spec_type=MetaSgdSpec,
        summary="Learns the initialisation and, for every parameter, how far its steps go.",
    ),
    AlgorithmInfo(
        name="maml_plus_plus", title="MAML++", year=2019, paper=ANTONIOU,
        spec_type=MamlPlusPlusSpec,
        summary="MAML made stable: losses after every step, rates by layer and step, annealing.",
    ),
)  # fmt: skip
