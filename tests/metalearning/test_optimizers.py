"""Optimizers against literal versions: torch.optim, one long graph, and finite differences."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from tests.metalearning.building import drop_system
from worker.metalearning import catalog, specs
from worker.metalearning.algorithms.base import Crew
from worker.metalearning.algorithms.lstm_optimizer import LearnedOptimizer
from worker.metalearning.checkpoint import Checkpoint
from worker.metalearning.distributions.digits import digits
from worker.metalearning.distributions.problems import (
    DigitsProblems,
    QuadraticProblems,
    problems,
)
from worker.metalearning.episodes import EpisodeBatch, sample_range
from worker.metalearning.errors import SpecError
from worker.metalearning.optimizing.lstm import LstmRule, build_coordinate_network, log_and_sign
from worker.metalearning.optimizing.opponents import tuned_rate
from worker.metalearning.optimizing.rules import HandMadeRule
from worker.metalearning.training import Report, evaluate_again, train

EPISODES: dict[str, dict[str, Any]] = {
    "quadratics": {"source": "quadratics", "dimensions": 3, "initial_sd": 0.5},
    "digits_mlp": {"source": "digits_mlp", "hidden": 3, "batch": 7, "initial_sd": 0.3},
    "digits_conv": {"source": "digits_conv", "filters": 2, "batch": 5},
}


def learned_spec(source: str = "quadratics", **changes: Any) -> specs.LstmOptimizerSpec:
    """A run of a second or two."""
    parsed = specs.parse(
        {
            "algorithm": "lstm_optimizer",
            "episodes": EPISODES[source],
            "network": {"kind": "coordinate_lstm", "hidden": 4, "preprocessing": "none",
                        "output_scale": 0.3},
            "inner": {"steps": 8, "unroll": 3},
            "outer": {"steps": 6, "episodes_per_step": 4, "lr": 0.01},
            "opponents": {"episodes": 3, "step_sizes": [0.01, 0.1]},
            "evaluation": {"episodes": 6, "steps": 12, "every": 3, "episodes_during_training": 3},
            "log_every": 1,
            **changes,
        }
    )  # fmt: skip
    assert isinstance(parsed, specs.LstmOptimizerSpec)
    return parsed


def hand_made_spec(kind: str = "adam", **changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": "hand_made_optimizer",
            "episodes": EPISODES["quadratics"],
            "network": {"kind": kind},
            "fine_tuning": {"steps": 8, "episodes": 5, "step_sizes": [0.001, 0.01, 0.1]},
            "evaluation": {"episodes": 6, "steps": 12},
            **changes,
        }
    )


def distribution_of(source: str, steps: int = 12) -> QuadraticProblems | DigitsProblems:
    return problems(learned_spec(source).episodes, query=0, steps=steps)


def double_batch(source: str, count: int = 3) -> EpisodeBatch:
    return sample_range(distribution_of(source), "test", 0, 0, count).to(dtype=torch.float64)


def run(spec: specs.Spec, **options: Any) -> list[Report]:
    return list(train(spec, device="cpu", omniglot_dir=None, cache_dir=None, **options))


def literal_loss(source: str, batch: EpisodeBatch, e: int, theta: Tensor, step: int) -> Tensor:
    """What the optimizer sees of one problem at a step, by torch's own layers."""
    if source == "quadratics":
        return ((batch.support_x[e] @ theta - batch.support_y[e, :, 0]) ** 2).sum()
    pictures, classes = (torch.from_numpy(one) for one in digits())
    chosen = batch.support_x[e, step]
    x, y = pictures[chosen].double(), classes[chosen]
    if source == "digits_mlp":
        first, bias, second, out = theta.split([64 * 3, 3, 30, 10])
        hidden = torch.sigmoid(x @ first.view(64, 3) + bias)
        return F.cross_entropy(hidden @ second.view(3, 10) + out, y)
    first, bias, second, other, last, out = theta.split([18, 2, 72, 4, 160, 10])
    z = x.view(-1, 1, 8, 8)
    z = F.relu(F.conv2d(z, first.view(2, 1, 3, 3), bias, stride=2, padding=1))
    z = F.relu(F.conv2d(z, second.view(4, 2, 3, 3), other, stride=2, padding=1))
    z = z.permute(0, 2, 3, 1).flatten(1)
    return F.cross_entropy(z @ last.view(16, 10) + out, y)


@pytest.mark.parametrize("source", EPISODES)
def test_gradients_are_those_of_torch_s_own_layers(source: str) -> None:
    distribution, batch = distribution_of(source), double_batch(source)

    losses, gradients = distribution.function.gradients(batch.latent, batch, 2)

    for e in range(len(batch)):
        theta = batch.latent[e].clone().requires_grad_()
        loss = literal_loss(source, batch, e, theta, 2)
        torch.testing.assert_close(losses[e], loss.detach())
        torch.testing.assert_close(gradients[e], torch.autograd.grad(loss, theta)[0])


def optimizer_of(kind: specs.HandMade, theta: Tensor, rate: float) -> torch.optim.Optimizer:
    match kind:
        case specs.Momentum():
            return torch.optim.SGD([theta], lr=rate, momentum=0.9)
        case specs.RmsProp():
            return torch.optim.RMSprop([theta], lr=rate)
        case specs.Adam():
            return torch.optim.Adam([theta], lr=rate)
    return torch.optim.SGD([theta], lr=rate)


@pytest.mark.parametrize("title", specs.HAND_MADE_RULES)
def test_hand_made_rules_are_torch_s_optimizers(title: str) -> None:
    kind, batch = specs.HAND_MADE_RULES[title], double_batch("quadratics", 1)
    rule = HandMadeRule(kind, 0.02)
    theta = batch.latent
    memory = rule.begin(theta)
    literal = batch.latent[0].clone().requires_grad_()
    optimizer = optimizer_of(kind, literal, 0.02)

    for number in range(15):
        gradient = distribution_of("quadratics").function.gradients(theta, batch, number)[1]
        step, memory = rule.step({}, gradient, memory, number)
        theta = theta + step
        optimizer.zero_grad()
        literal_loss("quadratics", batch, 0, literal, number).backward()
        optimizer.step()

    torch.testing.assert_close(theta[0], literal.detach())


def test_small_gradients_are_read_linearly_and_others_by_size_and_sign() -> None:
    """Appendix A of the paper with p = 10, worked by hand."""
    values = torch.tensor([1.0, -math.e, math.exp(-5), math.exp(-12), 0.0], dtype=torch.float64)

    found = log_and_sign(values, 10.0)

    expected = [[0.0, 1.0], [0.1, -1.0], [-0.5, 1.0], [-1.0, math.exp(-2)], [-1.0, 0.0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def learner(source: str, preprocessing: str, crew: Crew | None = None) -> Any:
    """A learned optimizer in float64 with the parameters of its network."""
    network = {"kind": "coordinate_lstm", "hidden": 4, "preprocessing": preprocessing,
               "output_scale": 0.3}  # fmt: skip
    spec = learned_spec(source, network=network)
    module = build_coordinate_network(spec.network, 3).double()
    function = distribution_of(source).function
    optimizer = LearnedOptimizer(LstmRule(module), function, crew or Crew(), spec)
    return optimizer, {name: param.detach() for name, param in module.named_parameters()}


def literal_network(params: dict[str, Tensor], inputs: int) -> tuple[nn.LSTM, nn.Linear]:
    """torch.nn.LSTM of two layers with the same weights."""
    lstm, out = nn.LSTM(inputs, 4, num_layers=2).double(), nn.Linear(4, 1).double()
    with torch.no_grad():
        for layer in range(2):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(lstm, f"{kind}_l{layer}").copy_(params[f"cells.{layer}.{kind}"])
        out.weight.copy_(params["out.weight"])
        out.bias.copy_(params["out.bias"])
    return lstm, out


def literal_inputs(gradient: Tensor, preprocessing: str) -> Tensor:
    if preprocessing == "none":
        return gradient[:, None]
    rows = [
        [math.log(abs(g)) / 10, math.copysign(1.0, g)]
        if abs(g) >= math.exp(-10)
        else [-1.0, math.exp(10) * g]
        for g in gradient.tolist()
    ]
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("preprocessing", ["none", "log_and_sign"])
@pytest.mark.parametrize("source", EPISODES)
def test_outer_gradients_are_those_of_one_long_graph_an_unroll(
    source: str, preprocessing: str
) -> None:
    """One problem at a time, f inside the graph, gradients cut out of it; 8 steps by unrolls of 3,
    so that the last is shorter."""
    optimizer, params = learner(source, preprocessing)
    batch = double_batch(source)

    found = [gradient for gradient, _ in optimizer.outer_gradients(params, batch)]

    lstm, out = literal_network(params, 1 if preprocessing == "none" else 2)
    weights = [*lstm.parameters(), *out.parameters()]
    names = [f"cells.{name[-1]}.{name[:-3]}" for name, _ in lstm.named_parameters()]
    names += ["out.weight", "out.bias"]
    expected = [dict.fromkeys(names, torch.zeros(())) for _ in range(3)]
    for e in range(len(batch)):
        theta, memory, step = batch.latent[e].clone(), None, 0
        for unroll, length in enumerate((3, 3, 2)):
            theta = theta.detach()
            memory = None if memory is None else tuple(one.detach() for one in memory)
            total = torch.zeros((), dtype=torch.float64)
            for _ in range(length):
                leaf = theta.detach().requires_grad_()
                loss = literal_loss(source, batch, e, leaf, step)
                gradient = torch.autograd.grad(loss, leaf)[0]
                inputs = literal_inputs(gradient, preprocessing)
                read, memory = lstm(inputs[None], memory)
                theta = theta + 0.3 * out(read[0])[:, 0]
                step += 1
                total = total + literal_loss(source, batch, e, theta, step)
            gradients = torch.autograd.grad(total / len(batch), weights)
            for name, gradient in zip(names, gradients, strict=True):
                expected[unroll][name] = expected[unroll][name] + gradient
    assert len(found) == 3
    for mine, literal in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, {name: literal[name] for name in mine})


def test_outer_gradient_is_that_of_finite_differences_with_gradients_held() -> None:
    optimizer, params = learner("quadratics", "none")
    batch = double_batch("quadratics", 2)
    function, rule = distribution_of("quadratics").function, optimizer.rule
    read: list[Tensor] = []

    def meta_loss(params: dict[str, Tensor], *, held: bool) -> float:
        theta, memory, total = batch.latent, rule.begin(batch.latent), 0.0
        for number in range(3):
            if not held:
                read.append(function.gradients(theta, batch, number)[1])
            step, memory = rule.step(params, read[number], memory, number)
            theta = theta + step
            total += float(function.losses(theta, batch).mean())
        return total

    with torch.no_grad():
        meta_loss(params, held=False)
    gradient, _ = optimizer.outer_gradient(params, batch)

    for name, param in params.items():
        place = tuple(size // 2 for size in param.shape)
        moved = []
        for sign in (1, -1):
            changed = param.clone()
            changed[place] += sign * 1e-6
            with torch.no_grad():
                moved.append(meta_loss({**params, name: changed}, held=True))
        slope = (moved[0] - moved[1]) / 2e-6
        assert float(gradient[name][place]) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_threads_change_no_bit_of_the_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.metalearning.algorithms.lstm_optimizer.PART_NUMBERS", 1)
    batch = double_batch("quadratics", 9)
    alone, params = learner("quadratics", "none")
    shared, _ = learner("quadratics", "none", Crew(3))

    pairs = zip(
        alone.outer_gradients(params, batch), shared.outer_gradients(params, batch), strict=True
    )

    for one, other in pairs:
        assert all(torch.equal(one[0][name], other[0][name]) for name in params)


def test_digits_are_scikit_learn_s() -> None:
    pictures, classes = digits()
    expected = load_digits()

    assert np.array_equal(pictures, (expected.data / 16).astype(np.float32))
    assert np.array_equal(classes, expected.target)


@pytest.mark.parametrize("source", EPISODES)
def test_a_problem_has_one_id_and_one_content(source: str) -> None:
    short, long = distribution_of(source, 5), distribution_of(source, 9)

    first, again = short.sample("test", 3, 0), long.sample("test", 3, 0)
    other = short.sample("validation", 3, 0)

    assert first.id == again.id == f"{short.hash}:test:0:3"
    assert torch.equal(first.latent, again.latent)
    assert torch.equal(first.support_x, again.support_x[: len(first.support_x)])
    assert not torch.equal(first.latent, other.latent)


def test_the_catalogue_s_hashes_are_the_engine_s() -> None:
    entries = {entry["name"]: entry for entry in catalog.describe(None, None)}

    for spec in (specs.Quadratics(), specs.DigitsMlp(), specs.DigitsConv()):
        distribution = problems(spec, query=0, steps=1)
        assert entries[distribution.source]["hash"] == distribution.hash
        assert entries[distribution.source]["available"]


def test_what_decides_a_problem_is_in_its_hash() -> None:
    same = problems(specs.DigitsMlp(), query=0, steps=5).hash

    assert same == problems(specs.DigitsMlp(), query=0, steps=50).hash
    for spec in (specs.DigitsMlp(hidden=21), specs.DigitsMlp(batch=64), specs.DigitsConv()):
        assert problems(spec, query=0, steps=5).hash != same
    assert problems(specs.DigitsMlp(), query=100, steps=5).hash != same


@pytest.mark.parametrize("source", EPISODES)
def test_one_seed_gives_the_same_numbers_bit_for_bit(source: str) -> None:
    spec = learned_spec(source)

    first, again = run(spec), run(spec, threads=2)

    assert drop_system(first) == drop_system(again)
    result = first[-1].evaluation
    assert result is not None
    assert again[-1].evaluation is not None
    assert np.array_equal(result.losses, again[-1].evaluation.losses)
    assert result.losses.shape == (6, 13)
    assert result.accuracies is None
    assert result.protocol["inner_steps_trained"] == 8
    assert result.protocol["inner_steps_evaluated"] == 12


@pytest.mark.parametrize("source", ["quadratics", "digits_mlp"])
def test_resuming_equals_not_stopping(source: str, tmp_path: Path) -> None:
    spec = learned_spec(source, checkpoint_every=4)
    whole = run(spec)
    stopped = train(spec, device="cpu", omniglot_dir=None, cache_dir=None)
    saved = next(report.checkpoint for report in stopped if report.checkpoint)
    stopped.close()
    saved.save(tmp_path / "checkpoint.pt")

    rest = run(spec, resume=Checkpoint.load(tmp_path / "checkpoint.pt"))

    assert drop_system(rest[1:]) == drop_system([r for r in whole if r.step > 4])
    assert whole[-1].evaluation is not None
    assert rest[-1].evaluation is not None
    assert np.array_equal(whole[-1].evaluation.losses, rest[-1].evaluation.losses)


def test_training_lowers_the_loss_beyond_its_horizon_too() -> None:
    outer = {"steps": 120, "episodes_per_step": 16, "lr": 0.01}
    evaluation = {"episodes": 50, "steps": 16, "every": 0}
    untrained = run(learned_spec(outer={**outer, "steps": 1}, evaluation=evaluation))[-1].evaluation

    trained = run(learned_spec(outer=outer, evaluation=evaluation))[-1].evaluation

    assert untrained is not None
    assert trained is not None
    for step in (8, 16):
        assert trained.losses[:, step].mean() < 0.5 * untrained.losses[:, step].mean()


def test_hand_made_opponents_are_tried_on_the_same_problems() -> None:
    reports = run(learned_spec())

    results = {r.evaluation.name: r.evaluation for r in reports if r.evaluation}
    test = results["test"]
    for title in specs.HAND_MADE_RULES:
        one = results[f"hand-made {title}"]
        assert one.episode_ids == test.episode_ids
        assert one.losses.shape == test.losses.shape
        assert np.array_equal(one.losses[:, 0], test.losses[:, 0])  # the same starts
        assert one.protocol["inner_lr"] in (0.01, 0.1)
        assert one.protocol["step_size"] == "tuned"
    messages = [r.message for r in reports if r.message]
    assert len(messages) == 4
    assert "it is the outermost" in messages[0]


def test_no_opponent_is_tried_where_none_is_asked_for() -> None:
    reports = run(learned_spec(opponents={"tried": False}))

    assert {r.evaluation.name for r in reports if r.evaluation} == {"validation", "test"}


@pytest.mark.parametrize("kind", ["sgd", "momentum", "rmsprop", "adam"])
def test_a_run_of_a_hand_made_optimizer_meets_the_problems_of_a_learned_one(kind: str) -> None:
    learned = run(learned_spec())[-1].evaluation

    reports = run(hand_made_spec(kind))

    found = reports[-1].evaluation
    assert learned is not None
    assert found is not None
    assert found.episode_ids == learned.episode_ids
    assert found.protocol["distribution_hash"] == learned.protocol["distribution_hash"]
    assert found.protocol["inner_steps_trained"] == 8
    assert reports[0].metrics["fine_tuning/step_size"] == found.protocol["inner_lr"]


def test_the_rate_with_the_lowest_last_loss_on_training_problems_is_taken() -> None:
    distribution = distribution_of("quadratics")
    tuning = specs.RateTuning(step_sizes=(0.001, 0.02, 5.0), episodes=20)

    chosen, tried = tuned_rate(specs.Sgd(), tuning, 60, distribution, 0)

    batch = sample_range(distribution, "train", 0, 0, 20)
    theta = batch.latent
    for number in range(60):
        theta = theta - 0.02 * distribution.function.gradients(theta, batch, number)[1]
    expected = float(distribution.function.losses(theta, batch).double().mean())
    assert tried[0.02] == pytest.approx(expected)
    assert tried[5.0] == math.inf
    assert chosen == min(tried, key=lambda rate: tried[rate])


def test_a_finished_optimizer_is_tried_again_for_longer_and_on_another_network() -> None:
    spec = learned_spec("digits_mlp")
    checkpoint = run(spec)[-1].checkpoint
    assert checkpoint is not None
    longer = learned_spec(
        "digits_mlp",
        episodes={**EPISODES["digits_mlp"], "hidden": 5},
        evaluation={"episodes": 4, "steps": 20, "query": 50},
    )

    result = evaluate_again(checkpoint, longer, device="cpu", omniglot_dir=None, cache_dir=None)

    assert result.losses.shape == (4, 21)
    again = evaluate_again(checkpoint, spec, device="cpu", omniglot_dir=None, cache_dir=None)
    assert again.losses.shape == (6, 13)


def test_losses_are_of_as_many_digits_as_asked_for() -> None:
    whole = DigitsProblems(specs.DigitsMlp(), query=0, steps=3)
    part = DigitsProblems(specs.DigitsMlp(), query=10, steps=3)
    batch = sample_range(whole, "test", 0, 0, 2)
    pictures, classes = (torch.from_numpy(one) for one in digits())

    found = part.function.losses(batch.latent, batch)

    first, bias, second, out = batch.latent[1].split([64 * 20, 20, 200, 10])
    hidden = torch.sigmoid(pictures[:10] @ first.view(64, 20) + bias)
    expected = F.cross_entropy(hidden @ second.view(20, 10) + out, classes[:10])
    torch.testing.assert_close(found[1], expected)
    assert not torch.equal(found, whole.function.losses(batch.latent, batch))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"inner": {"steps": 10, "unroll": 20}}, "inner.unroll"),
        ({"evaluation": {"query": 5}}, "evaluation.query"),
        ({"episodes": {"source": "sinusoid"}}, "episodes.source"),
        ({"network": {"kind": "mlp"}}, "network.kind"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        learned_spec(**changes)

    assert caught.value.path == path


def test_paper_preset_holds_the_papers_numbers() -> None:
    """Andrychowicz et al. 2016, sections 3 and 3.1."""
    found = {preset["name"]: preset["spec"] for preset in specs.presets("lstm_optimizer")}
    spec = found["lstm-optimizer-quadratics"]

    assert (spec["network"]["hidden"], spec["network"]["layers"]) == (20, 2)
    assert (spec["inner"]["steps"], spec["inner"]["unroll"]) == (100, 20)
    assert spec["episodes"]["dimensions"] == 10
    assert spec["network"]["preprocessing"] == "none"
    digits_spec = found["lstm-optimizer-digits-mlp"]
    assert (digits_spec["network"]["p"], digits_spec["network"]["output_scale"]) == (10.0, 0.1)
    assert digits_spec["episodes"]["hidden"] == 20
    assert spec["evaluation"]["steps"] > spec["inner"]["steps"]


def test_a_report_of_an_opponent_is_no_test() -> None:
    """The recorder takes the evaluation called test for the last."""
    names = [r.evaluation.name for r in run(learned_spec()) if r.evaluation]

    assert names[-1] == "test"
    assert names.count("test") == 1
