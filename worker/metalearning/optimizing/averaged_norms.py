"""Batch norm by given statistics, for any module whose batch norms carry none of their own.

Statistics are a mean and a (biased) variance per channel for each batch norm, of each episode:
`(E, C)` by the module's name. Two copies of the module stand in for it: one that tells the
statistics of what it is given, one that takes them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import vmap

from worker.metalearning.calling import Functional
from worker.metalearning.networks import Parameters

Statistics = dict[str, tuple[Tensor, Tensor]]
BatchNorm = nn.modules.batchnorm._BatchNorm


class AveragedNorms:
    """A network whose batch norms can be told what to normalise by."""

    def __init__(self, network: nn.Module) -> None:
        self.names = [name for name, one in network.named_modules() if isinstance(one, BatchNorm)]
        telling = _replaced(network, self.names, _Telling)
        self._tell = Functional(_WithStatistics(telling, self.names))
        self._told = Functional(_replaced(network, self.names, _Told))

    def of(self, params: Parameters, x: Tensor) -> Statistics:
        """Of every episode's x `(E, M, *input)` by its parameters `(E, *shape)`."""
        if not self.names:
            return {}
        inside = {f"network.{name}": param for name, param in params.items()}
        found: Statistics = vmap(lambda p, x: self._tell(p, x))(inside, x)
        return found

    def averages(self, passes: Sequence[Statistics]) -> Statistics:
        """The mean over passes, each weighing alike."""
        return {
            name: (
                torch.stack([one[name][0] for one in passes]).mean(0),
                torch.stack([one[name][1] for one in passes]).mean(0),
            )
            for name in self.names
        }

    def outputs(self, params: Parameters, statistics: Statistics, x: Tensor) -> Tensor:
        """Outputs `(E, M, outputs)` by these statistics."""
        given = {
            f"{name}.{part}": value
            for name, both in statistics.items()
            for part, value in zip(("mean", "variance"), both, strict=True)
        }
        found: Tensor = vmap(lambda p, x: self._told(p, x))({**params, **given}, x)
        return found


def _replaced(
    network: nn.Module, names: Sequence[str], kind: Callable[[BatchNorm], nn.Module]
) -> nn.Module:
    whole = copy.deepcopy(network)
    for name in names:
        parent, _, leaf = name.rpartition(".")
        norm = whole.get_submodule(name)
        assert isinstance(norm, BatchNorm)
        setattr(whole.get_submodule(parent), leaf, kind(norm))
    return whole


class _Norm(nn.Module):
    """What both have of a batch norm: its weight and bias under their names."""

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__()
        self.weight = norm.weight
        self.bias = norm.bias
        self.eps = norm.eps

    def normalised(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (x.dim() - 2)
        out = (x - mean.view(shape)) / (variance.view(shape) + self.eps).sqrt()
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out


class _Telling(_Norm):
    """Normalises by the batch, and keeps what by."""

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__(norm)
        self.found: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        others = [dim for dim in range(x.dim()) if dim != 1]
        self.found = x.mean(others), x.var(others, correction=0)
        return self.normalised(x, *self.found)


class _Told(_Norm):
    """Normalises by what it is told."""

    mean: Tensor
    variance: Tensor

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__(norm)
        channels = torch.ones(norm.num_features)
        self.register_buffer("mean", torch.zeros_like(channels))
        self.register_buffer("variance", channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.normalised(x, self.mean, self.variance)


class _WithStatistics(nn.Module):
    """A network's statistics as its output: what a vmap may let out."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, x: Tensor) -> Statistics:
        self.network(x)
        found: Statistics = {}
        for name in self.names:
            norm = self.network.get_submodule(name)
            assert isinstance(norm, _Telling)
            assert norm.found is not None
            found[name], norm.found = norm.found, None
        return found
