"""Networks built from specs: ordinary modules that also know how to run many episodes at once.

`forward` is what any nn.Module has. `forward_episodes` is optional: the same function with a
leading episode axis on every parameter, in batched matrix products. A network without it (a user's
own) is run through torch.func.vmap; both give the same numbers, and the tests hold them to that.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.metalearning import user_networks
from worker.metalearning.blocks import norm_relu, strided_convolution
from worker.metalearning.errors import SpecError
from worker.metalearning.specs import Conv4 as Conv4Spec
from worker.metalearning.specs import Mlp as MlpSpec
from worker.metalearning.specs import ModuleNetwork

Parameters = dict[str, Tensor]


@runtime_checkable
class EpisodeBatched(Protocol):
    """A network with a formulation of its own for many episodes at once."""

    def forward_episodes(self, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """params `(E, *shape)` and x `(E, M, *input)` to outputs `(E, M, outputs)`."""
        ...


class Mlp(nn.Module):
    """Fully connected network with rectifiers; weights start as nn.Linear's."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        widths = (inputs, *hidden, outputs)
        self.layers = nn.ModuleList(
            nn.Linear(into, out) for into, out in zip(widths, widths[1:], strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x `(M, *input)`, flattened, to `(M, outputs)`."""
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        out: Tensor = self.layers[-1](x)
        return out

    def forward_episodes(self, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """One batched product a layer: baddbmm(bias, x, weight^T)."""
        x = x.flatten(2)
        last = len(self.layers) - 1
        for i in range(last + 1):
            weight, bias = params[f"layers.{i}.weight"], params[f"layers.{i}.bias"]
            x = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
            if i < last:
                x = torch.relu(x)
        return x


class Conv4(nn.Module):
    """Four times (3x3 convolution of stride 2, batch norm, rectifier), then a linear layer.

    Finn et al. 2017, appendix A.1: strided convolutions for Omniglot, 64 filters, and the mean over
    the last 2x2 positions as features (cbfinn/maml, maml.py: `tf.reduce_mean(hidden4, [1, 2])`).
    Batch norm uses the statistics of the set it is given (support or query), in training and test
    alike: transductive, as the authors'. The convolutions have no bias: batch norm cancels it.
    """

    def __init__(self, channels: int, filters: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels if i == 0 else filters, filters, 3, stride=2, padding=1, bias=False)
            for i in range(4)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(filters, track_running_stats=False) for _ in range(4)
        )
        self.head = nn.Linear(filters, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x `(M, C, H, W)` to logits `(M, outputs)`."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        out: Tensor = self.head(x.mean((2, 3)))
        return out

    def forward_episodes(self, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Channels last, convolutions as one batched product of patches each."""
        x = x.permute(0, 1, 3, 4, 2)  # (E, M, H, W, C)
        for i in range(4):
            z = strided_convolution(x, params[f"convs.{i}.weight"])
            x = norm_relu(z, params[f"norms.{i}.weight"], params[f"norms.{i}.bias"])
        features = x.mean((2, 3))
        head = params["head.weight"].transpose(1, 2)
        return torch.baddbmm(params["head.bias"].unsqueeze(1), features, head)


def build_network(
    spec: MlpSpec | Conv4Spec | ModuleNetwork, input_shape: tuple[int, ...], outputs: int, seed: int
) -> nn.Module:
    """A freshly initialised network; its initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(spec, MlpSpec):
            return Mlp(int(torch.Size(input_shape).numel()), spec.hidden, outputs)
        if isinstance(spec, ModuleNetwork):
            return _user_network(spec, input_shape, outputs)
        return Conv4(input_shape[0], spec.filters, outputs)


def _user_network(spec: ModuleNetwork, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """A network of the user's, tried on two examples. Raises SpecError."""
    found = user_networks.network_class(spec.path)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise SpecError(user_networks.FIELD, f"{spec.path!r} is no subclass of torch.nn.Module")
    inputs = int(torch.Size(input_shape).numel())
    given = {"inputs": inputs, "input_shape": input_shape, "outputs": outputs}
    try:
        network = found(**user_networks.options_of(found, spec.options, given))
        with torch.no_grad():
            shape = tuple(copy.deepcopy(network)(torch.zeros(2, *input_shape)).shape)
    except Exception as error:  # the boundary: a user's code may fail in any way
        raise SpecError(
            "network.options", f"{spec.path} does not run with these options on examples of shape "
            f"{input_shape}: {type(error).__name__}: {error}",
        ) from error  # fmt: skip
    if shape != (2, outputs):
        raise SpecError(
            "network.options", f"{spec.path} answers two examples with shape {shape}; these "
            f"episodes need (2, {outputs})",
        )  # fmt: skip
    return network


def initial_parameters(network: nn.Module, device: torch.device) -> Parameters:
    """The network's parameters as a plain dict of tensors; frozen ones stay the network's own."""
    return {
        name: parameter.detach().clone().to(device)
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }


def batch_norm_mode(network: nn.Module) -> str:
    """Which statistics batch norm uses at test: those of the set it is given (`transductive`), the
    running ones that the network came with (`running`), or `none` without batch norm."""
    kinds = (nn.modules.batchnorm._BatchNorm,)
    norms = [module for module in network.modules() if isinstance(module, kinds)]
    runs = {not norm.training and norm.running_mean is not None for norm in norms}
    return {frozenset(): "none", frozenset({True}): "running"}.get(
        frozenset(runs), "transductive" if runs == {False} else "mixed"
    )


def last_layer(network: nn.Module) -> tuple[str, ...]:
    """Names of the parameters of the module that has the last ones."""
    names = [name for name, _ in network.named_parameters()]
    layer = names[-1].rpartition(".")[0]
    return tuple(name for name in names if name.rpartition(".")[0] == layer)


def norm_parameters(network: nn.Module) -> tuple[str, ...]:
    """Names of the weights and biases of normalisation layers."""
    kinds = (
        nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm,
    )  # fmt: skip
    return tuple(
        f"{prefix}.{name}" if prefix else name
        for prefix, module in network.named_modules()
        if isinstance(module, kinds)
        for name, _ in module.named_parameters(recurse=False)
    )
