"""Metric learning: embed the support set, and compare (no torch)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from worker.metalearning.specs.base import NETWORK, OUTER_LOOP, AlgorithmInfo, EncodingSpec
from worker.metalearning.specs.parts import MetricOuter, RelationEncoder, shown

SNELL = "Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning (arXiv:1703.05175)"
VINYALS = "Vinyals et al.: Matching Networks for One Shot Learning (arXiv:1606.04080)"
KOCH = "Koch, Zemel, Salakhutdinov: Siamese Neural Networks for One-shot Image Recognition (2015)"
SUNG = "Sung et al.: Learning to Compare: Relation Network for Few-Shot Learning (arXiv:1711.06025)"


class MetricSpec(EncodingSpec, frozen=True, kw_only=True):
    """What the metric learners share."""

    outer: Annotated[MetricOuter, OUTER_LOOP] = msgspec.field(default_factory=MetricOuter)
    train_way: Annotated[
        int,
        shown("Way in training", "Classes per training episode, where more than at test help; 0: "
              "as at test.", unit="classes", group="Episodes", ge=0, le=100),
    ] = 0  # fmt: skip


class PrototypicalSpec(MetricSpec, frozen=True, kw_only=True, tag="prototypical"):
    """The class whose mean embedding is the nearest."""


class MatchingSpec(MetricSpec, frozen=True, kw_only=True, tag="matching"):
    """Attention over the support set."""

    full_context: Annotated[
        bool,
        shown("Full context", "Embed each example in the context of the support set, by LSTMs.",
              group="Network"),
    ] = False  # fmt: skip
    reading_steps: Annotated[
        int,
        shown("Reading steps", "How often a query reads the support set, with full context.",
              unit="steps", group="Network", ge=1, le=50),
    ] = 5  # fmt: skip


class SiameseSpec(MetricSpec, frozen=True, kw_only=True, tag="siamese"):
    """Two embeddings, and whether they are of one class."""


class RelationSpec(MetricSpec, frozen=True, kw_only=True, tag="relation"):
    """A network that judges how a query goes with a class."""

    network: Annotated[RelationEncoder, NETWORK] = msgspec.field(default_factory=RelationEncoder)


METRIC = (
    AlgorithmInfo(
        name="prototypical", title="Prototypical networks", year=2017, paper=SNELL,
        spec_type=PrototypicalSpec, family="metric",
        summary="Embeds images; a query is of the class whose mean embedding is the nearest.",
    ),
    AlgorithmInfo(
        name="matching", title="Matching networks", year=2016, paper=VINYALS,
        spec_type=MatchingSpec, family="metric",
        summary="A query takes the classes of the support examples it is most alike, by attention.",
    ),
    AlgorithmInfo(
        name="siamese", title="Siamese networks", year=2015, paper=KOCH,
        spec_type=SiameseSpec, family="metric",
        summary="Learns whether two images are of one class, and asks that of every example.",
    ),
    AlgorithmInfo(
        name="relation", title="Relation networks", year=2018, paper=SUNG,
        spec_type=RelationSpec, family="metric",
        summary="A second network learns to judge how well a query goes with a class.",
    ),
)  # fmt: skip
