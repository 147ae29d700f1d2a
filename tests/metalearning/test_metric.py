"""Metric learners against literal versions: one episode, one query, one class at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.metalearning.building import drop_system, image_batch, write_archives
from worker.metalearning import specs
from worker.metalearning.algorithms.base import Crew
from worker.metalearning.algorithms.metric import MetricLearning
from worker.metalearning.distributions.factory import (
    evaluation_distribution,
    training_distribution,
)
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.errors import SpecError
from worker.metalearning.metric import MetricLearner, build_metric_learner
from worker.metalearning.metric.encoders import ConvEncoder
from worker.metalearning.metric.learners import Matching, Relation, Siamese
from worker.metalearning.training import train

SIDE = 28
NAMES = ("prototypical", "matching", "matching full context", "siamese", "relation")


def make_learner(name: str) -> MetricLearner:
    spec = specs.parse(
        {
            "algorithm": name.split()[0],
            "network": {"kind": "conv_encoder", "filters": 4, "pooled": 2},
            **({"full_context": True, "reading_steps": 3} if "context" in name else {}),
        }
    )
    assert isinstance(spec, specs.MetricSpec)
    return build_metric_learner(spec, (1, SIDE, SIDE)).double()


def literal_features(encoder: ConvEncoder, x: Tensor) -> Tensor:
    """The encoder on the images of one episode, by torch's own layers."""
    for block in encoder.blocks:
        z = F.conv2d(x, block.conv.weight, padding=1)
        mean, var = z.mean((0, 2, 3), keepdim=True), z.var((0, 2, 3), correction=0, keepdim=True)
        gain, shift = block.norm.weight[:, None, None], block.norm.bias[:, None, None]
        x = F.relu(gain * (z - mean) / (var + 1e-5).sqrt() + shift)
        x = F.max_pool2d(x, 2) if block.pools else x
    return x


def literal_score(
    learner: MetricLearner, support: Tensor, y: Tensor, query: Tensor, n: int
) -> Tensor:
    """The score of class n for one query: feature maps `(S, F, h, w)` and `(F, h, w)`."""
    mine = support[y == n]
    if isinstance(learner, Siamese):
        logits = [
            learner.weigh((one.flatten().sigmoid() - query.flatten().sigmoid()).abs())
            for one in mine
        ]
        return torch.stack(logits).mean()
    if isinstance(learner, Relation):
        pair = torch.cat([mine.sum(0), query])
        return torch.cat([pair])[None]  # judged with the other pairs of its episode
    if isinstance(learner, Matching):
        attention = torch.softmax(
            torch.stack([F.cosine_similarity(query, one, dim=0) for one in support]), 0
        )
        return attention[y == n].sum().log()
    return -((query - mine.mean(0)) ** 2).sum()


def literal_scores(learner: MetricLearner, batch: EpisodeBatch, e: int) -> Tensor:
    images = torch.cat([batch.support_x[e], batch.query_x[e]])
    features = literal_features(learner.encoder, images)
    support, queries = features[: len(batch.support_y[e])], features[len(batch.support_y[e]) :]
    y, ways = batch.support_y[e], int(batch.support_y[e].max()) + 1
    if isinstance(learner, Matching):
        support, queries = support.flatten(1), queries.flatten(1)
        if learner.context is not None:
            support, queries = literal_context(learner, support, queries)
    scores = torch.stack(
        [
            torch.stack([literal_score(learner, support, y, q, n).squeeze() for n in range(ways)])
            for q in queries
        ]
    )
    if not isinstance(learner, Relation):
        return scores
    related = literal_features(learner.relate, scores.flatten(0, 1)).flatten(1)
    return learner.out(F.relu(learner.hidden(related))).view(len(queries), ways)


def literal_context(learner: Matching, support: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Appendix A of the paper, one query at a time."""
    assert learner.context is not None
    assert learner.reading is not None
    out, _ = learner.context(support[None])
    size = support.shape[1]
    embedded = support + out[0, :, :size] + out[0, :, size:]
    found = []
    for query in queries:
        h, c, r = query, torch.zeros_like(query), torch.zeros_like(query)
        for _ in range(learner.steps):
            out_h, c = learner.reading(torch.cat([query, r]), (h, c))
            h = out_h + query
            weights = torch.softmax(torch.stack([h @ one for one in embedded]), 0)
            r = sum(weight * one for weight, one in zip(weights, embedded, strict=True))
        found.append(h)
    return embedded, torch.stack(found)


@pytest.mark.parametrize("name", NAMES)
def test_scores_equal_a_literal_version(name: str) -> None:
    learner, batch = make_learner(name), image_batch(side=SIDE)

    scores = learner(batch.support_x, batch.support_y, batch.query_x)

    for e in range(len(batch)):
        torch.testing.assert_close(scores[e], literal_scores(learner, batch, e))


def literal_loss(name: str, scores: Tensor, y: Tensor) -> Tensor:
    wanted = F.one_hot(y, scores.shape[-1]).double()
    if name == "relation":
        return ((scores.sigmoid() - wanted) ** 2).mean()
    if name == "siamese":
        same, other = scores[wanted == 1].sigmoid(), scores[wanted == 0].sigmoid()
        return -0.5 * (same.log().mean() + (1 - other).log().mean())
    return F.cross_entropy(scores, y)


@pytest.mark.parametrize("name", NAMES)
def test_outer_gradient_is_that_of_the_paper_s_loss(name: str) -> None:
    learner, batch = make_learner(name), image_batch(side=SIDE)
    params = {key: value.detach() for key, value in learner.named_parameters()}

    gradient, metrics = MetricLearning(learner, Crew(2)).outer_gradient(params, batch)

    losses = [
        literal_loss(name, literal_scores(learner, batch, e), batch.query_y[e])
        for e in range(len(batch))
    ]
    expected = torch.autograd.grad(torch.stack(losses).mean(), list(learner.parameters()))
    torch.testing.assert_close(gradient, dict(zip(params, expected, strict=True)))
    assert ("learner_loss" in metrics) == (name in ("siamese", "relation"))


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_no_bit_of_the_gradient(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.metalearning.algorithms.base.PART_ELEMENTS", 1)
    learner, batch = make_learner(name), image_batch(24, side=SIDE)
    params = {key: value.detach() for key, value in learner.named_parameters()}
    alone = MetricLearning(learner, Crew()).outer_gradient(params, batch)

    shared = MetricLearning(learner, Crew(3)).outer_gradient(params, batch)

    assert all(torch.equal(shared[0][key], alone[0][key]) for key in params)


def test_an_episode_is_scored_alike_whatever_stands_beside_it() -> None:
    learner, batch = make_learner("prototypical"), image_batch(side=SIDE)

    together = learner(batch.support_x, batch.support_y, batch.query_x)
    alone = learner(batch.support_x[:1], batch.support_y[:1], batch.query_x[:1])

    torch.testing.assert_close(together[:1], alone)


def omniglot_spec(algorithm: str, **changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": algorithm,
            "episodes": {
                "source": "omniglot", "way": 3, "shot": 1, "query": 2, "train_characters": 14,
                "validation_characters": 4,
            },
            "network": {"kind": "conv_encoder", "filters": 4, "pooled": 2},
            "outer": {"steps": 12, "episodes_per_step": 2, "lr": 0.01},
            "evaluation": {"episodes": 6, "every": 6, "episodes_during_training": 4},
            "log_every": 1,
            **changes,
        }
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", ["prototypical", "matching", "siamese", "relation"])
def test_training_repeats_and_answers_once(tmp_path: Path, algorithm: str) -> None:
    write_archives(tmp_path)
    spec = omniglot_spec(algorithm)

    def run() -> list[Any]:
        return list(train(spec, device="cpu", omniglot_dir=tmp_path, cache_dir=tmp_path))

    first, again = run(), run()

    assert drop_system(first) == drop_system(again)
    result = first[-1].evaluation
    assert result is not None
    assert result.losses.shape == (6, 1)
    assert result.protocol["inner_steps_evaluated"] == 0
    assert result.protocol["batch_norm"] == "transductive"


def test_training_may_be_of_more_classes_than_the_test(tmp_path: Path) -> None:
    write_archives(tmp_path)
    spec = omniglot_spec("prototypical", train_way=8)

    trained = training_distribution(spec, tmp_path, tmp_path)
    tested = evaluation_distribution(spec, tmp_path, tmp_path)

    assert (trained.way, tested.way) == (8, 3)
    same = evaluation_distribution(omniglot_spec("prototypical"), tmp_path, tmp_path)
    assert tested.hash == same.hash


def test_maps_too_small_for_the_relation_module_are_refused() -> None:
    with pytest.raises(SpecError, match="use 1 or 2"):
        omniglot_spec("relation", network={"kind": "conv_encoder", "pooled": 3})


def test_more_classes_than_there_are_characters_are_refused() -> None:
    with pytest.raises(SpecError, match="train_way"):
        omniglot_spec("prototypical", train_way=11)
