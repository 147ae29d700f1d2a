"""Operations replaced while a network runs for many episodes, and those it must not contain.

A network is never changed: its copy runs under a mode that meets each operation as it is called.
Convolutions and norms get formulations that batch well; batch norm in training uses the
statistics of each set and leaves running ones alone. Kernels that fuse a whole LSTM or attention
have no second derivative or no batching rule: they are switched off meanwhile.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from worker.metalearning.tracing.norms import batch_norm
from worker.metalearning.tracing.patches import convolution, pair
from worker.metalearning.tracing.pooling import adaptive_avg_pool2d, max_pool2d

Operation = Callable[..., Any]

_DROPOUTS = {
    F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout,
    torch.dropout, torch.alpha_dropout, torch.feature_dropout, torch.feature_alpha_dropout,
}  # fmt: skip


class Routes(TorchFunctionMode):
    """What stands for an operation inside a network; `drops=False` leaves dropout out."""

    def __init__(self, *, drops: bool = True) -> None:
        super().__init__()
        self._drops = drops
        self._became: dict[int, tuple[Any, Any]] = {}

    def current(self, value: Any) -> Any:
        """What a tensor has become by an operation that the network made in place."""
        return self._became.get(id(value), (None, value))[1]

    def __torch_function__(
        self, func: Operation, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._became:
            args, kwargs = tree_map(self.current, (args, kwargs))
        if kwargs.get("inplace"):
            # vmap cannot write into views in place; whoever uses the tensor again gets the new one.
            out = func(*args, **{**kwargs, "inplace": False})
            self._became[id(args[0])] = args[0], out
            return out
        if route := _ROUTES.get(func):
            return route(*args, **kwargs)
        if func in _DROPOUTS and not self._drops:
            return args[0]
        return func(*args, **kwargs)


def prepared(network: nn.Module, *, drops: bool) -> nn.Module:
    """A copy to run: batch norm in training counts no batches, and drops nothing unless told to."""
    own = copy.deepcopy(network)
    for module in own.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase) and module.training:
            module.num_batches_tracked = None
        if drops:
            continue
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif isinstance(module, nn.MultiheadAttention | nn.RNNBase):
            module.dropout = 0.0
    return own


def draws(network: nn.Module) -> bool:
    """Whether dropout layers make the network random."""
    return any(
        (isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0)
        or (isinstance(module, nn.MultiheadAttention | nn.RNNBase) and module.dropout > 0)
        for module in network.modules()
        if module.training
    )


def _conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    if isinstance(padding, str) or x.dim() != 4 or groups != 1 or set(pair(dilation)) != {1}:
        return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return convolution(x, weight, bias, pair(stride), pair(padding))


def _conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    if isinstance(padding, str) or x.dim() != 3 or groups != 1 or set(pair(dilation)) != {1}:
        return torch.conv1d(x, weight, bias, stride, padding, dilation, groups)
    along, beside = pair(stride)[1], pair(padding)[1]
    flat = convolution(x.unsqueeze(2), weight.unsqueeze(2), bias, [1, along], [0, beside])
    return flat.squeeze(2)


def _batch_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
    weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    if training:
        return batch_norm(x, weight, bias, eps)
    assert running_mean is not None
    assert running_var is not None
    shape = [1, -1] + [1] * (x.dim() - 2)
    scaled = (x - running_mean.view(shape)) * (running_var.view(shape) + eps).rsqrt()
    return _by_channel(scaled, weight, bias)


def _instance_norm(
    x: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    if not use_input_stats:
        return _batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    return _by_channel(_standardised(x, range(2, x.dim()), eps), weight, bias)


def _layer_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
    bias: Tensor | None = None, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    out = _standardised(x, range(-len(normalized_shape), 0), eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def _group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    groups = x.reshape(x.shape[0], num_groups, -1)
    out = _standardised(groups, [2], eps).view(x.shape)
    return _by_channel(out, weight, bias)


def _standardised(x: Tensor, dims: Sequence[int], eps: float) -> Tensor:
    """Zero mean and unit variance over these axes."""
    centred = x - x.mean(tuple(dims), keepdim=True)
    return centred * (centred.square().mean(tuple(dims), keepdim=True) + eps).rsqrt()


def _by_channel(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    shape = [1, -1] + [1] * (x.dim() - 2)
    x = x if weight is None else x * weight.view(shape)
    return x if bias is None else x + bias.view(shape)


_ROUTES: dict[Operation, Operation] = {
    torch.conv1d: _conv1d,
    torch.conv2d: _conv2d,
    F.adaptive_avg_pool2d: adaptive_avg_pool2d,
    F.batch_norm: _batch_norm,
    F.group_norm: _group_norm,
    F.instance_norm: _instance_norm,
    F.layer_norm: _layer_norm,
    F.max_pool2d: max_pool2d,
}


@contextlib.contextmanager
def _without_onednn() -> Iterator[None]:
    """Its LSTM has no second derivative. (torch's own switch warns of others.)"""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


class _Unfused:
    """Switches are the process's: the first in turns fused kernels off, the last out back on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._switches = contextlib.ExitStack()

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._switches.enter_context(sdpa_kernel(SDPBackend.MATH))
                self._switches.enter_context(_without_onednn())
                self._switches.enter_context(torch.backends.cudnn.flags(enabled=False))
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._switches.close()


unfused = _Unfused()
