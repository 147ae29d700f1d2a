"""Few-shot learning by gradients: an initialisation from which an episode is fitted (no torch)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from worker.metalearning.specs.base import (
    FINN,
    INNER_LOOP,
    AlgorithmInfo,
    InnerLoop,
    OuterLoop,
    Spec,
)
from worker.metalearning.specs.parts import Inner, Outer, ReptileInner


class MamlSpec(Spec, frozen=True, kw_only=True, tag="maml"):
    """MAML, second order."""

    inner: InnerLoop = msgspec.field(default_factory=Inner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class FomamlSpec(Spec, frozen=True, kw_only=True, tag="fomaml"):
    """First-order MAML: MAML that drops the derivative of the inner steps."""

    inner: InnerLoop = msgspec.field(default_factory=Inner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class ReptileSpec(Spec, frozen=True, kw_only=True, tag="reptile"):
    """Reptile: move towards the adapted parameters."""

    inner: Annotated[ReptileInner, INNER_LOOP] = msgspec.field(default_factory=ReptileInner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


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
)  # fmt: skip
