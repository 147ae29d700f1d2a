"""The hand-written convolution block against finite differences and against native modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from worker.metalearning.blocks import NormRelu, norm_relu, strided_convolution
from worker.metalearning.networks import Conv4, Mlp
from worker.metalearning.specs import Conv4 as Conv4Spec


def noise(*shape: int, seed: int = 0) -> Tensor:
    numbers = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=numbers, dtype=torch.float64).requires_grad_()


def test_norm_relu_has_right_first_and_second_derivatives() -> None:
    inputs = (noise(2, 6, 3), noise(2, 1, 3, seed=1), noise(2, 1, 3, seed=2))

    assert gradcheck(NormRelu.apply, inputs)
    assert gradgradcheck(NormRelu.apply, inputs)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 7), (1, 2), (2, 1)])
def test_convolution_has_right_first_and_second_derivatives(height: int, width: int) -> None:
    inputs = (noise(1, 2, height, width, 2), noise(1, 3, 2, 3, 3, seed=1))

    assert gradcheck(strided_convolution, inputs)
    assert gradgradcheck(strided_convolution, inputs)


@pytest.mark.parametrize("side", [28, 14, 7, 4, 2, 1])
def test_convolution_equals_the_native_one(side: int) -> None:
    x, weight = noise(2, 3, side, side, 4), noise(2, 5, 4, 3, 3, seed=1)

    found = strided_convolution(x, weight)

    for e in range(2):
        native = F.conv2d(x[e].permute(0, 3, 1, 2), weight[e], stride=2, padding=1)
        torch.testing.assert_close(found[e].permute(0, 3, 1, 2), native)


def test_norm_relu_equals_native_batch_norm_of_each_episode() -> None:
    z, gain, shift = noise(2, 3, 4, 4, 5), noise(2, 5, seed=1), noise(2, 5, seed=2)

    found = norm_relu(z, gain, shift)

    for e in range(2):
        images = z[e].permute(0, 3, 1, 2)
        native = F.batch_norm(images, None, None, gain[e], shift[e], training=True).relu()
        torch.testing.assert_close(found[e].permute(0, 3, 1, 2), native)


@pytest.mark.parametrize("network", [Mlp(4, (5, 6), 3), Conv4(2, 4, 3)])
def test_forward_of_many_episodes_equals_forward_of_each(network: torch.nn.Module) -> None:
    network.double()
    shape = (4,) if isinstance(network, Mlp) else (2, 28, 28)
    x = noise(3, 5, *shape).detach()
    params = {name: noise(3, *p.shape).detach() for name, p in network.named_parameters()}

    found = network.forward_episodes(params, x)  # type: ignore[operator]

    for e in range(3):
        own = {name: values[e] for name, values in params.items()}
        torch.testing.assert_close(found[e], torch.func.functional_call(network, own, (x[e],)))


def test_conv4_has_the_papers_size() -> None:
    """64 filters, four 3x3 convolutions, batch norm, a linear layer on 64 features."""
    network = Conv4(1, Conv4Spec().filters, 5)

    count = sum(param.numel() for param in network.parameters())

    assert count == 9 * 64 + 3 * 9 * 64 * 64 + 4 * 2 * 64 + 64 * 5 + 5
