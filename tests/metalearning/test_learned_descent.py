"""ANIL, Meta-SGD and MAML++ against plain autograd through a literal loop, by the episode."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.metalearning.building import (
    double_parameters,
    drop_system,
    image_batch,
    one_loss,
    regression_batch,
    short_spec,
)
from tests.metalearning.test_meta_gradients import make_formulation, make_network
from worker.metalearning.algorithms import build_algorithm
from worker.metalearning.algorithms.base import Crew
from worker.metalearning.algorithms.learned_descent import LearnedDescent, OuterLosses
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.inner_loops import InnerLoop
from worker.metalearning.networks import (
    Conv4,
    Mlp,
    Parameters,
    last_layer,
    norm_parameters,
)
from worker.metalearning.specs import parse
from worker.metalearning.training import train

LR = 0.1
METHODS = ("anil", "meta_sgd", "meta_sgd_first_order", "plus_plus", "plus_plus_first_order")


def make_loop(method: str, kind: str, network: nn.Module, batch: EpisodeBatch) -> InnerLoop:
    found = make_formulation(kind, network, batch)
    if method == "anil":
        return InnerLoop(found, LR, 2, adapted=last_layer(network))
    if method.startswith("meta_sgd"):
        return InnerLoop(found, LR, 2, rates="elementwise")
    return InnerLoop(found, LR, 3, rates="per_step", own=norm_parameters(network))


def make_subject(loop: InnerLoop, method: str) -> LearnedDescent:
    first_order = -1 if method.endswith("first_order") else 0
    annealed = 100 if method.startswith("plus_plus") else 0
    return LearnedDescent(loop, Crew(), OuterLosses(first_order, annealed))


def moved(meta: Parameters) -> Parameters:
    """Meta-parameters of which no two are alike."""
    numbers = torch.Generator().manual_seed(4)
    return {
        name: value + 0.05 * torch.rand(value.shape, generator=numbers, dtype=value.dtype)
        for name, value in meta.items()
    }


def literal_loss(
    loop: InnerLoop, meta: Parameters, batch: EpisodeBatch, e: int, weights: list[float],
    *, second_order: bool,
) -> Tensor:  # fmt: skip
    """The weighted query losses of one episode, all inner steps in one graph."""
    network = loop.formulation.network
    phi = {name: value for name, value in meta.items() if "/" not in name}
    total = torch.zeros((), dtype=torch.float64)
    for s, weight in enumerate(weights):
        phi = {**phi, **{name: meta[f"step/{name}"][s] for name in loop.own}}
        names = [n for n in phi if n not in loop.own and n in (loop.adapted or phi)]
        loss = one_loss(network, phi, batch.support_x[e], batch.support_y[e])
        grads = torch.autograd.grad(loss, [phi[n] for n in names], create_graph=True)
        for name, grad in zip(names, grads, strict=True):
            rate = loop.lr if loop.rates == "fixed" else meta[f"inner_lr/{name}"]
            rate = rate[s] if loop.rates == "per_step" else rate
            phi[name] = phi[name] - rate * (grad if second_order else grad.detach())
        total = total + weight * one_loss(network, phi, batch.query_x[e], batch.query_y[e])
    return total


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("network_name", "kind"),
    [("mlp", "batched"), ("mlp", "routed"), ("conv4", "batched"), ("conv4", "routed"),
     ("own", "routed")],
)  # fmt: skip
def test_outer_gradient_equals_autograd_through_the_whole_loop(
    network_name: str, kind: str, method: str
) -> None:
    network, batch = make_network(network_name)
    loop = make_loop(method, kind, network, batch)
    meta = moved(loop.initial(double_parameters(network)))
    subject = make_subject(loop, method)

    gradient, metrics = subject.outer_gradient(meta, batch, 30)

    leaves = {name: value.clone().requires_grad_() for name, value in meta.items()}
    weights = subject.losses.weights(loop.steps, 30)
    second_order = not method.endswith("first_order")
    losses = [
        literal_loss(loop, leaves, batch, e, weights, second_order=second_order)
        for e in range(len(batch))
    ]
    expected = torch.autograd.grad(
        torch.stack(losses).mean(), list(leaves.values()), materialize_grads=True
    )
    torch.testing.assert_close(
        gradient, dict(zip(leaves, expected, strict=True)), rtol=1e-8, atol=1e-11
    )
    assert set(metrics) >= {"query_loss", "support_loss"}


@pytest.mark.parametrize("annealed_over", [0, 100])
def test_weights_of_the_losses_go_from_equal_shares_to_the_last(annealed_over: int) -> None:
    losses = OuterLosses(annealed_over=annealed_over)

    begun, half, ended = (losses.weights(4, step) for step in (0, 50, 10_000))

    assert [sum(one) for one in (begun, half, ended)] == pytest.approx([1.0, 1.0, 1.0])
    if annealed_over:
        assert begun == pytest.approx([0.25] * 4)
        assert half == pytest.approx([0.125] * 3 + [0.625])
        assert ended == pytest.approx([0.0075] * 3 + [0.9775])
    else:
        assert begun == ended == [0.0, 0.0, 0.0, 1.0]


def test_second_derivatives_begin_at_their_meta_step() -> None:
    network, batch = make_network("mlp")
    loop = make_loop("meta_sgd", "batched", network, batch)
    meta = loop.initial(double_parameters(network))
    subject = LearnedDescent(loop, Crew(), OuterLosses(first_order_steps=10))
    first = LearnedDescent(loop, Crew(), OuterLosses(first_order_steps=-1))
    second = LearnedDescent(loop, Crew(), OuterLosses())

    for step, same in ((9, first), (10, second)):
        found, _ = subject.outer_gradient(meta, batch, step)
        torch.testing.assert_close(found, same.outer_gradient(meta, batch, step)[0])


def test_anil_adapts_the_last_layer_alone() -> None:
    assert last_layer(Mlp(1, (6, 5), 1)) == ("layers.2.weight", "layers.2.bias")
    network, batch = Conv4(1, 4, 3), image_batch()
    loop = make_loop("anil", "batched", network, batch)
    meta = loop.initial(double_parameters(network))
    phi = loop.begin(meta, len(batch))

    after, _ = loop.advance(meta, phi, batch, 0, second_order=False)

    changed = [name for name in phi if not torch.equal(phi[name], after[name])]
    assert changed == ["head.weight", "head.bias"]


def test_steps_beyond_the_trained_ones_go_on_with_the_last_rates_and_norms() -> None:
    network, batch = Conv4(1, 4, 3), image_batch()
    loop = make_loop("plus_plus", "batched", network, batch)
    meta = moved(loop.initial(double_parameters(network)))

    five = list(LearnedDescent(loop, Crew(), OuterLosses()).adapter(5).predictions(
        meta, batch, [batch.query_x]
    ))  # fmt: skip

    phi = loop.begin(meta, len(batch))
    for step in (0, 1, 2, 2, 2):
        phi = loop.at_step(meta, phi, step, len(batch))
        phi, _ = loop.advance(meta, phi, batch, step, second_order=False)
    assert len(five) == 6
    torch.testing.assert_close(five[-1][0], loop.formulation.outputs(phi, batch.query_x))


def test_learned_rates_are_recorded_by_layer_and_step() -> None:
    spec = parse(short_spec("maml_plus_plus"))
    network = Mlp(1, (16,), 1)
    subject = build_algorithm(
        spec, make_formulation("batched", network, regression_batch()), Crew()
    )

    recorded = subject.recorded(subject.initial(double_parameters(network)))

    assert recorded["inner_lr/layers.0.weight/step_5"] == 0.1
    assert len(recorded) == 4 * 5


@pytest.mark.parametrize("algorithm", ["anil", "meta_sgd", "maml_plus_plus"])
def test_training_repeats_and_learns_its_rates(algorithm: str) -> None:
    spec = parse(short_spec(algorithm))

    def run() -> list[dict[str, float]]:
        return drop_system(list(train(spec, device="cpu", omniglot_dir=None, cache_dir=None)))

    first, again = run(), run()

    assert first == again
    rates = [key for key in first[0] if key.startswith("inner_lr/")]
    assert bool(rates) == (algorithm != "anil")
    assert all(first[0][key] != first[11][key] for key in rates)
