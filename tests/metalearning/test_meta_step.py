"""The public meta-step, for networks nobody wrote the engine for, against plain autograd."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.metalearning import unseen
from tests.metalearning.building import double_parameters, image_batch, one_loss
from worker.metalearning import build_meta_step
from worker.metalearning.adaptation import losses_of
from worker.metalearning.errors import SpecError
from worker.metalearning.networks import Parameters, batch_norm_mode, initial_parameters
from worker.metalearning.tracing.formulation import Routed

LR = 0.1
Sets = tuple[Tensor, Tensor, Tensor, Tensor]


def sequence_sets(episodes: int = 3, support: int = 4, query: int = 3) -> Sets:
    """Rows of five steps of three numbers, in three classes."""
    numbers = torch.Generator().manual_seed(4)

    def rows(count: int) -> Tensor:
        return torch.randn(episodes, count, 5, 3, generator=numbers, dtype=torch.float64)

    def labels(count: int) -> Tensor:
        return torch.randint(3, (episodes, count), generator=numbers)

    return rows(support), labels(support), rows(query), labels(query)


def image_sets() -> Sets:
    batch = image_batch()
    return batch.support_x, batch.support_y, batch.query_x, batch.query_y


def literal(
    network: nn.Module, params: Parameters, sets: Sets, steps: int, *, first_order: bool
) -> tuple[Parameters, Tensor]:
    """Algorithm 1 as it is written: a loop over episodes through the network's own forward."""
    theta = {name: param.clone().requires_grad_() for name, param in params.items()}
    losses = []
    for support_x, support_y, query_x, query_y in zip(*sets, strict=True):
        phi = theta
        for _ in range(steps):
            loss = one_loss(network, phi, support_x, support_y)
            found = torch.autograd.grad(loss, tuple(phi.values()), create_graph=True)
            found = tuple(g.detach() for g in found) if first_order else found
            phi = {name: p - LR * g for (name, p), g in zip(phi.items(), found, strict=True)}
        losses.append(one_loss(network, phi, query_x, query_y))
    mean = torch.stack(losses).mean()
    return dict(zip(theta, torch.autograd.grad(mean, tuple(theta.values())), strict=True)), mean


def make(name: str) -> tuple[nn.Module, Sets]:
    torch.manual_seed(11)
    network: nn.Module = getattr(unseen, name)()
    return network, image_sets() if name == "ResNet" else sequence_sets()


UNSEEN = [
    "SequenceClassifier", "GatedClassifier", "SmallTransformer", "OwnAttention", "ResNet",
    "GraphNetwork", "TiedAutoencoder", "Normed",
]  # fmt: skip


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("name", UNSEEN)
def test_unseen_network_gets_the_gradients_of_the_literal_loop(
    name: str, first_order: bool
) -> None:
    network, sets = make(name)
    params = double_parameters(network)
    before = copy.deepcopy(network.state_dict())

    step = build_meta_step(network, F.cross_entropy, LR, 2, first_order)
    gradients, loss = step(params, sets)

    reference = copy.deepcopy(network)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        expected, mean = literal(reference, params, sets, 2, first_order=first_order)
    torch.testing.assert_close(gradients, expected, rtol=1e-6, atol=1e-10)
    torch.testing.assert_close(loss, mean.detach(), rtol=1e-9, atol=0)
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)


def test_recorded_graphs_repeat_vmap_bit_for_bit() -> None:
    network, sets = make("ResNet")
    params = {key: value.float() for key, value in double_parameters(network).items()}
    network.float()
    sets = (sets[0].float(), sets[1], sets[2].float(), sets[3])
    episodes = {key: value.expand(3, *value.shape) for key, value in params.items()}

    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return losses_of(outputs, y, "cross_entropy")

    step = build_meta_step(network, loss, LR, 1, True)
    recorded, _ = step(params, sets)

    eager = Routed(network, loss)
    first = eager.gradients(episodes, sets[0], sets[1], second_order=False).gradients
    moved = {key: torch.sub(episodes[key], first[key], alpha=LR) for key in params}
    found = eager.gradients(moved, sets[2], sets[3], second_order=False).gradients
    expected = {key: value.sum(0) / 3 for key, value in found.items()}
    torch.testing.assert_close(recorded, expected, rtol=0, atol=0)


def test_batch_norm_in_eval_mode_uses_running_statistics() -> None:
    network, sets = make("ResNet")
    params = double_parameters(network)
    for _ in range(3):
        network(image_batch().support_x[0])
    network.eval()

    gradients, _ = build_meta_step(network, F.cross_entropy, LR, 1, False)(params, sets)

    expected, _ = literal(network, params, sets, 1, first_order=False)
    torch.testing.assert_close(gradients, expected, rtol=1e-6, atol=1e-10)
    assert batch_norm_mode(network) == "running"


def test_batch_norm_mode_is_named() -> None:
    assert batch_norm_mode(unseen.ResNet()) == "transductive"
    assert batch_norm_mode(unseen.Dropping()) == "none"
    partly = unseen.ResNet()
    partly.stem.eval()
    assert batch_norm_mode(partly) == "mixed"


def test_dropout_differs_by_episode_and_is_derived_with_the_masks_it_drew() -> None:
    torch.manual_seed(2)
    network = unseen.Dropping()
    params = double_parameters(network)
    one = sequence_sets(1)
    sets: Sets = tuple(part.expand(6, *part.shape[1:]) for part in one)  # type: ignore[assignment]
    step = build_meta_step(network, F.cross_entropy, LR, 1, False)
    outputs = Routed(network, F.cross_entropy).outputs(
        {key: value.expand(6, *value.shape) for key, value in params.items()}, sets[0]
    )
    assert len({tuple(episode.flatten().tolist()) for episode in outputs}) == 6

    def at(point: Parameters) -> tuple[Parameters, Tensor]:
        torch.manual_seed(5)
        return step(point, sets)

    at(params)
    gradients, _ = at(params)
    numbers = torch.Generator().manual_seed(6)
    direction = {
        key: torch.randn(p.shape, generator=numbers, dtype=p.dtype) for key, p in params.items()
    }
    along = sum((gradients[key] * direction[key]).sum() for key in params)
    width = 1e-6
    ahead, behind = (
        at({key: p + sign * width * direction[key] for key, p in params.items()})[1]
        for sign in (1, -1)
    )
    torch.testing.assert_close(along, (ahead - behind) / (2 * width), rtol=1e-5, atol=1e-8)


def test_dropout_is_off_at_test() -> None:
    network = unseen.SmallTransformer(dropout=0.5)
    params = {k: v.expand(2, *v.shape) for k, v in double_parameters(network).items()}
    x = sequence_sets(1)[0].expand(2, -1, -1, -1)
    formulation = Routed(network, F.cross_entropy).at_test()

    outputs = formulation.outputs(params, x)

    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)


def test_frozen_parameters_are_left_out() -> None:
    network, sets = make("GraphNetwork")
    network.double()
    network.message.weight.requires_grad_(False)
    params = initial_parameters(network, torch.device("cpu"))

    gradients, _ = build_meta_step(network, F.cross_entropy, LR, 1, False)(params, sets)

    assert "message.weight" not in gradients
    assert set(gradients) == set(params)


class Deciding(nn.Module):
    """Looks at a value to decide what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), Branch())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x)
        return out


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(15, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x)
        return out if out.sum() > 0 else -out


class Counting(nn.Module):
    """Keeps a running mean of what it sees, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(15, 3)
        self.register_buffer("seen", torch.zeros(15, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        self.seen.mul_(0.9).add_(x.flatten(1).mean(0))
        out: Tensor = self.head(x.flatten(1) - self.seen)
        return out


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (Deciding(), r"inner\.1 \(Branch\) decides by the values"),
        (Counting(), r"the network \(Counting\) writes into a buffer"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), r"1 \(LazyLinear\).*call the network once"),
        (nn.Sequential(nn.Embedding(4, 3, max_norm=1.0)), r"0 \(Embedding\) has max_norm"),
    ],
)
def test_what_cannot_work_is_named_with_what_to_do(network: nn.Module, named: str) -> None:
    if not any(isinstance(p, nn.UninitializedParameter) for p in network.parameters()):
        network.double()

    def whole() -> None:
        step = build_meta_step(network, F.cross_entropy, LR, 1, False)
        step(dict(network.named_parameters()), sequence_sets())

    with pytest.raises(SpecError, match=named):
        whole()
