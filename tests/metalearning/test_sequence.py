"""Sequence learners against literal versions: one episode, one step, one question at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.metalearning.building import (
    drop_system,
    image_batch,
    regression_batch,
    write_archives,
)
from worker.metalearning import specs
from worker.metalearning.algorithms.base import Crew
from worker.metalearning.algorithms.sequence import (
    SequenceLearning,
    mean_by,
    seen_before,
)
from worker.metalearning.calling import Functional
from worker.metalearning.distributions.factory import evaluation_distribution
from worker.metalearning.distributions.picture_sequences import OmniglotSequences
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.recurrent import build_sequence_learner
from worker.metalearning.recurrent.learner import SequenceLearner
from worker.metalearning.recurrent.lstm import Lstm
from worker.metalearning.recurrent.mann import Mann
from worker.metalearning.recurrent.snail import Attention, Snail, TemporalConvolutions
from worker.metalearning.training import train

SIDE = 28
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {"kind": "lstm", "hidden": 6, "filters": 4},
    "mann": {"kind": "mann", "hidden": 6, "rows": 5, "width": 3, "reads": 2, "filters": 4},
    "snail": {"kind": "snail", "width": 4, "filters": 4},
}


class Shape:
    """As much of a task distribution as a network is built from."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int, shot: int) -> None:
        self.input_shape, self.outputs, self.shot = input_shape, outputs, shot
        self.way = outputs if len(input_shape) > 1 else None


def make_learner(name: str, shape: Shape) -> SequenceLearner:
    spec = specs.parse({"algorithm": name, "network": NETWORKS[name]})
    assert isinstance(spec, specs.RecurrentSpec)
    learner = build_sequence_learner(spec, shape).double()  # type: ignore[arg-type]
    numbers = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for param in learner.parameters():  # none stays zero, such as MANN's gate
            param += 0.2 * torch.randn(param.shape, generator=numbers).double()
    return learner


def points(name: str) -> tuple[SequenceLearner, EpisodeBatch]:
    return make_learner(name, Shape((1,), 1, 4)), regression_batch()


def pictures(name: str) -> tuple[SequenceLearner, EpisodeBatch]:
    return make_learner(name, Shape((1, SIDE, SIDE), 3, 2)), image_batch(side=SIDE)


def literal_lstm_step(cell: torch.nn.LSTMCell, x: Tensor, h: Tensor, c: Tensor) -> Any:
    gates = cell.weight_ih @ x + cell.bias_ih + cell.weight_hh @ h + cell.bias_hh
    i, f, g, o = gates.chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def literal_lstm(learner: Lstm, inputs: list[Tensor]) -> Tensor:
    h = c = torch.zeros(learner.cell.hidden_size, dtype=torch.float64)
    for one in inputs:
        h, c = literal_lstm_step(learner.cell, one, h, c)
    return learner.out(h)


def literal_mann(learner: Mann, inputs: list[Tensor]) -> Tensor:
    """The paper's equations row by row: lists of rows, loops over heads."""
    zero = torch.zeros(1, dtype=torch.float64)[0]
    h = c = torch.zeros(learner.cell.hidden_size, dtype=torch.float64)
    rows = [torch.zeros(learner.width, dtype=torch.float64) for _ in range(learner.rows)]
    reads = [torch.zeros(learner.width, dtype=torch.float64) for _ in range(learner.reads)]
    read_weights = [[zero] * learner.rows for _ in range(learner.reads)]
    usage = [zero] * learner.rows
    share = learner.gate.sigmoid()[0]
    for one in inputs:
        h, c = literal_lstm_step(learner.cell, torch.cat([one, *reads]), h, c)
        keys = learner.keys(h).tanh().split(learner.width)
        least = sorted(range(learner.rows), key=lambda i: float(usage[i].detach()))[: learner.reads]
        rows = [row * 0 if i in least else row for i, row in enumerate(rows)]
        writes = [
            [share * read_weights[r][i] + (1 - share) * float(i == least[r])
             for i in range(learner.rows)]
            for r in range(learner.reads)
        ]  # fmt: skip
        for r, key in enumerate(keys):
            rows = [row + writes[r][i] * key for i, row in enumerate(rows)]
        read_weights = [
            list(torch.softmax(torch.stack([
                key @ row / (key @ key + 1e-8).sqrt() / (row @ row + 1e-8).sqrt() for row in rows
            ]), 0))
            for key in keys
        ]  # fmt: skip
        reads = [sum(w * row for w, row in zip(ws, rows, strict=True)) for ws in read_weights]  # type: ignore[misc]
        usage = [
            learner.usage_decay * usage[i]
            + sum(read_weights[r][i] + writes[r][i] for r in range(learner.reads))
            for i in range(learner.rows)
        ]
    return learner.out(torch.cat([h, *reads]))


def literal_snail(learner: Snail, tokens: list[Tensor]) -> Tensor:
    """Algorithms 1 to 3 on one sequence; the answer to its last token."""
    x = torch.stack(tokens)  # (L, C)
    for layer in learner.layers:
        if isinstance(layer, Attention):
            q, k, v = layer.query(x), layer.key(x), layer.value(x)
            reads = []
            for t in range(len(x)):
                logits = torch.stack([q[t] @ k[s] for s in range(t + 1)]) / math.sqrt(k.shape[1])
                shares = torch.softmax(logits, 0)
                reads.append(sum(share * v[s] for s, share in enumerate(shares)))
            x = torch.cat([x, torch.stack(reads)], 1)  # type: ignore[arg-type]
            continue
        assert isinstance(layer, TemporalConvolutions)
        for block in layer.blocks:
            out = []
            for t in range(len(x)):
                z = block.here.weight @ x[t] + block.here.bias
                if t >= block.dilation:
                    z = z + block.back.weight @ x[t - block.dilation]
                f, g = z.chunk(2)
                out.append(f.tanh() * g.sigmoid())
            x = torch.cat([x, torch.stack(out)], 1)
    return learner.out(x[-1])


def literal_answer(learner: SequenceLearner, xs: Tensor, ys: Tensor, asked: Tensor) -> Tensor:
    """What is answered to the features `asked` after those of `xs` with labels `ys`, in order."""
    blank = torch.zeros(learner.outputs, dtype=torch.float64)
    if isinstance(learner, Snail):
        pairs = [torch.cat([x, y]) for x, y in zip(xs, ys, strict=True)]
        return literal_snail(learner, [*pairs, torch.cat([asked, blank])])
    earlier = [blank, *ys]
    inputs = [torch.cat([x, y]) for x, y in zip([*xs, asked], earlier, strict=True)]
    if isinstance(learner, Mann):
        return literal_mann(learner, inputs)
    assert isinstance(learner, Lstm)
    return literal_lstm(learner, inputs)


def literal_answers(learner: SequenceLearner, batch: EpisodeBatch, e: int) -> Tensor:
    """Answers to the support examples, each after those before, and to the queries after all."""
    count = batch.support_x.shape[1]
    features = learner.embed(torch.cat([batch.support_x[e : e + 1], batch.query_x[e : e + 1]], 1))
    xs, queries = features[0, :count], features[0, count:]
    y = batch.support_y[e]
    ys = y if y.is_floating_point() else F.one_hot(y, learner.outputs).double()
    own = [literal_answer(learner, xs[:t], ys[:t], xs[t]) for t in range(count)]
    return torch.stack(own + [literal_answer(learner, xs, ys, q) for q in queries])


@pytest.mark.parametrize("make", [points, pictures])
@pytest.mark.parametrize("name", NETWORKS)
def test_answers_equal_a_literal_version(name: str, make: Any) -> None:
    learner, batch = make(name)

    found = learner(batch.support_x, batch.support_y, batch.query_x, True)

    for e in range(len(batch)):
        torch.testing.assert_close(found[e], literal_answers(learner, batch, e))


@pytest.mark.parametrize("make", [points, pictures])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_comes_later_changes_no_bit_of_an_answer(name: str, make: Any) -> None:
    learner, batch = make(name)
    changed_x, changed_y = batch.support_x.clone(), batch.support_y.clone()
    changed_x[:, 2:] = changed_x[:, 2:].flip(0) + 1
    changed_y[:, 1:] = changed_y[:, 1:].flip(1)

    plain = learner(batch.support_x, batch.support_y, batch.query_x, True)
    other = learner(changed_x, changed_y, batch.query_x + 1, True)

    assert torch.equal(plain[:, :2], other[:, :2])
    assert not torch.equal(plain[:, 2:], other[:, 2:])


@pytest.mark.parametrize("name", NETWORKS)
def test_queries_do_not_see_each_other(name: str) -> None:
    learner, batch = points(name)

    together = learner(batch.support_x, batch.support_y, batch.query_x)
    alone = learner(batch.support_x, batch.support_y, batch.query_x[:, 2:3])

    torch.testing.assert_close(together[:, 2:3], alone)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("make", [points, pictures])
@pytest.mark.parametrize("name", NETWORKS)
def test_outer_gradient_is_that_of_the_mean_over_answers(name: str, make: Any, own: bool) -> None:
    learner, batch = make(name)
    params = {key: value.detach() for key, value in learner.named_parameters()}

    gradient, metrics = SequenceLearning(learner, Crew(2), shot=2, own=own).outer_gradient(
        params, batch
    )

    losses = []
    for e in range(len(batch)):
        answers, y = literal_answers(learner, batch, e), batch.query_y[e]
        y = torch.cat([batch.support_y[e], y]) if own else y
        answers = answers[-len(y) :]
        losses.append(
            F.mse_loss(answers, y) if y.is_floating_point() else F.cross_entropy(answers, y)
        )
    mean = torch.stack(losses).mean()
    expected = torch.autograd.grad(mean, list(learner.parameters()))
    torch.testing.assert_close(gradient, dict(zip(params, expected, strict=True)))
    torch.testing.assert_close(metrics["sequence_loss" if own else "query_loss"], mean.detach())


def test_a_written_row_is_the_least_used_one_and_emptied_before() -> None:
    """Two rows, one head. Step 1 writes to row 0, which then is the more used; step 2 to row 1."""
    learner = make_learner("mann", Shape((1,), 1, 4))
    assert isinstance(learner, Mann)
    learner.rows, learner.reads, learner.width = 2, 1, 3
    learner.cell = torch.nn.LSTMCell(2 + 3, 6).double()
    learner.keys = torch.nn.Linear(6, 3).double()
    learner.gate.data.fill_(-50.0)  # sigma is 0: what was read is not written over
    seen = torch.tensor([[0.3, -0.2]], dtype=torch.float64)

    one = learner.advance(learner.begin(seen.unsqueeze(1)), seen)
    two = learner.advance(one, seen)
    three = learner.advance(two, seen)

    key = [learner.keys(state.hidden).tanh()[0] for state in (one, two, three)]
    blank = torch.zeros(3, dtype=torch.float64)
    torch.testing.assert_close(one.rows[0], torch.stack([key[0], blank]))
    torch.testing.assert_close(two.rows[0], torch.stack([key[0], key[1]]))
    # Usage before step 3, by hand: writing gave row 0 its 1 a step earlier than row 1.
    usage = 0.99 * (one.read_weights[0, 0] + torch.tensor([1.0, 0.0])) + two.read_weights[0, 0]
    usage = usage + torch.tensor([0.0, 1.0])
    torch.testing.assert_close(two.usage[0], usage)
    rows = [key[0], key[1]]
    rows[int(usage.argmin())] = key[2]
    torch.testing.assert_close(three.rows[0], torch.stack(rows))


def test_rows_used_alike_are_taken_in_order() -> None:
    learner = make_learner("mann", Shape((1,), 1, 4))
    assert isinstance(learner, Mann)
    usage = torch.tensor([[0.5, 0.1, 0.5, 0.1, 0.1]], dtype=torch.float64)

    assert learner.least_used(usage)[0].argmax(-1).tolist() == [1, 3]


def test_columns_count_examples_of_the_own_class_that_were_seen() -> None:
    y = torch.tensor([[1, 0, 1, 1, 0, 0]])

    assert seen_before(y).tolist() == [[0, 0, 1, 2, 1, 2]]
    means = mean_by(torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]]), seen_before(y), 3)
    assert means.tolist() == [[0.5, 0.5, 1.0]]


@pytest.mark.parametrize("name", NETWORKS)
def test_results_by_examples_seen_equal_the_answers_one_by_one(name: str) -> None:
    learner, batch = points(name)
    params = {key: value.detach() for key, value in learner.named_parameters()}
    adapter = SequenceLearning(learner, Crew(), shot=4, own=True).adapter(9)

    losses, accuracies = adapter.results(params, batch, None)

    assert accuracies is None
    for k in range(5):
        answers = [
            literal_answer(learner, batch.support_x[1, :k], batch.support_y[1, :k], q)
            for q in batch.query_x[1]
        ]
        expected = F.mse_loss(torch.stack(answers), batch.query_y[1])
        torch.testing.assert_close(losses[1, k], expected.detach())


def test_results_of_classes_are_means_over_each_instance() -> None:
    learner, batch = pictures("lstm")
    order = torch.tensor([4, 0, 1, 2, 5, 3])
    batch = EpisodeBatch(
        batch.support_x[:, order], batch.support_y[:, order], batch.query_x, batch.query_y,
        batch.latent,
    )  # fmt: skip
    adapter = SequenceLearning(learner, Crew(), shot=2, own=True).adapter(9)

    losses, accuracies = adapter.results(
        {key: value.detach() for key, value in learner.named_parameters()}, batch, None
    )

    answers = literal_answers(learner, batch, 0)  # classes of the support set: 2 0 0 1 2 1
    y = torch.cat([batch.support_y[0], batch.query_y[0]])
    each = F.cross_entropy(answers, y, reduction="none")
    right = (answers.argmax(-1) == y).double()
    places = ([0, 1, 3], [2, 4, 5], range(6, 12))
    assert accuracies is not None
    torch.testing.assert_close(losses[0], torch.stack([each[list(p)].mean() for p in places]))
    torch.testing.assert_close(accuracies[0], torch.stack([right[list(p)].mean() for p in places]))


def sinusoid_spec(algorithm: str, **changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": algorithm,
            "episodes": {"source": "sinusoid", "shot": 4, "query": 3},
            "network": NETWORKS[algorithm],
            "outer": {"steps": 12, "episodes_per_step": 4, "lr": 0.01},
            "evaluation": {"episodes": 6, "every": 6, "episodes_during_training": 4},
            "log_every": 1,
            "checkpoint_every": 5,
            **changes,
        }
    )


def omniglot_spec(algorithm: str, **changes: Any) -> specs.Spec:
    episodes = {
        "source": "omniglot", "way": 3, "shot": 2, "query": 1, "train_characters": 14,
        "validation_characters": 4,
    }  # fmt: skip
    return sinusoid_spec(algorithm, **{"episodes": episodes, **changes})


@pytest.mark.parametrize("make", [sinusoid_spec, omniglot_spec])
@pytest.mark.parametrize("algorithm", NETWORKS)
def test_training_repeats_and_resumes_to_the_same_numbers(
    tmp_path: Path, algorithm: str, make: Any
) -> None:
    write_archives(tmp_path)

    def run(threads: int = 1, resume: Any = None) -> list[Any]:
        return list(
            train(
                make(algorithm), device="cpu", omniglot_dir=tmp_path, cache_dir=tmp_path,
                threads=threads, resume=resume,
            )
        )  # fmt: skip

    first, again = run(), run(threads=2)
    checkpoint = next(one.checkpoint for one in first if one.step == 5)
    resumed = run(resume=checkpoint)

    assert drop_system(first) == drop_system(again)
    assert drop_system(resumed)[1:] == drop_system([one for one in first if one.step > 5])
    result, other = first[-1].evaluation, resumed[-1].evaluation
    assert (result.losses == other.losses).all()
    assert result.losses.shape == (6, 1 + (4 if make is sinusoid_spec else 2))
    assert f"test/query_loss_seen_{result.losses.shape[1] - 1}" in first[-1].metrics
    assert result.protocol["axis"] == "examples_seen"
    assert result.protocol["inner_steps_trained"] == result.losses.shape[1] - 1


def test_episodes_read_in_order_are_those_of_other_learners(tmp_path: Path) -> None:
    write_archives(tmp_path)
    read = evaluation_distribution(omniglot_spec("lstm"), tmp_path, tmp_path)
    other = evaluation_distribution(
        specs.parse(
            {
                "algorithm": "maml",
                "episodes": specs.as_dict(omniglot_spec("lstm"))["episodes"],
                "network": {"kind": "conv4"},
            }
        ),
        tmp_path,
        tmp_path,
    )
    assert isinstance(read, OmniglotSequences)

    mine, same = read.sample("test", 3, 0), other.sample("test", 3, 0)

    assert mine.id == same.id
    assert torch.equal(mine.query_x, same.query_x)
    assert not torch.equal(mine.support_y, same.support_y)
    order = mine.support_y.argsort(stable=True)
    for label in range(3):
        ours = mine.support_x[order][mine.support_y[order] == label].flatten(1).sum(1).sort().values
        theirs = same.support_x[same.support_y == label].flatten(1).sum(1).sort().values
        torch.testing.assert_close(ours, theirs)


def test_orders_of_training_differ_between_episodes(tmp_path: Path) -> None:
    write_archives(tmp_path)
    read = evaluation_distribution(omniglot_spec("lstm"), tmp_path, tmp_path)

    batch = read.sample_batch(torch.Generator().manual_seed(0), 20)

    assert len({tuple(one) for one in batch.support_y.tolist()}) > 10
    assert (batch.support_y.sort(1).values == torch.tensor([0, 0, 1, 1, 2, 2])).all()


def test_snail_learns_from_what_it_has_seen() -> None:
    """Constant functions: after one example the value is known, before it is not."""
    spec = sinusoid_spec(
        "snail",
        episodes={"source": "sinusoid", "shot": 3, "query": 3, "x_range": 0.001,
                  "phase_high": 3.141592653589793},
        network={"kind": "snail", "width": 8},
        outer={"steps": 120, "episodes_per_step": 32, "lr": 0.01},
        evaluation={"episodes": 100, "every": 0},
    )  # fmt: skip

    result = list(train(spec, device="cpu", omniglot_dir=None, cache_dir=None))[-1].evaluation

    assert result is not None
    means = result.losses.mean(0)
    assert means[3] < 0.2 * means[0]


def test_functional_calls_of_a_learner_use_the_given_parameters() -> None:
    learner, batch = points("mann")
    zeros = {name: torch.zeros_like(param) for name, param in learner.named_parameters()}

    answers = Functional(learner)(zeros, batch.support_x, batch.support_y, batch.query_x)

    assert not answers.any()
