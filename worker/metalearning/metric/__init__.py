"""Metric learners: an encoder, and a head that compares queries with the support set."""

from __future__ import annotations

import torch

from worker.metalearning.metric.encoders import ConvEncoder, feature_shape
from worker.metalearning.metric.learners import (
    Matching,
    MetricLearner,
    Prototypical,
    Relation,
    Siamese,
)
from worker.metalearning.specs import (
    MatchingSpec,
    MetricSpec,
    PrototypicalSpec,
    RelationSpec,
    SiameseSpec,
)

__all__ = ["MetricLearner", "build_metric_learner"]

BLOCKS = 4


def build_metric_learner(spec: MetricSpec, input_shape: tuple[int, ...]) -> MetricLearner:
    """A freshly initialised learner; its initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        pools = [place < spec.network.pooled for place in range(BLOCKS)]
        encoder = ConvEncoder(input_shape[0], spec.network.filters, pools)
        maps = feature_shape(encoder, input_shape)
        size = torch.Size(maps).numel()
        match spec:
            case PrototypicalSpec():
                return Prototypical(encoder)
            case MatchingSpec(full_context=full_context, reading_steps=steps):
                return Matching(encoder, size, full_context=full_context, steps=steps)
            case SiameseSpec():
                return Siamese(encoder, size)
            case RelationSpec():
                return Relation(encoder, maps)
    raise AssertionError(f"no learner for {type(spec).__name__}")
