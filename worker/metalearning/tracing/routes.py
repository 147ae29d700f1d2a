"""Operations replaced while a network runs for many episodes, and those it must not contain.

A network is never changed: its copy runs under a mode that meets each operation as it is called.
Convolutions and batch norm get formulations that batch well; batch norm in training uses the
statistics of each set and leaves running ones alone. Kernels that fuse a whole LSTM or attention
have no second derivative or no batching rule: they are switched off meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from worker.metalearning.tracing.norms import batch_norm
from worker.metalearning.tracing.patches import convolution

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

    def __torch_function__(
        self, func: Operation, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.conv2d:
            return _conv2d(*args, **kwargs)
        if func is F.batch_norm:
            return _batch_norm(*args, **kwargs)
        if func is F.instance_norm:
            return _instance_norm(*args, **kwargs)
        if func in _DROPOUTS and not self._drops:
            return args[0]
        return func(*args, **kwargs)


def _conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    if isinstance(padding, str) or x.dim() != 4 or groups != 1 or set(_pair(dilation)) != {1}:
        return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return convolution(x, weight, bias, _pair(stride), _pair(padding))


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else [*value] * (3 - len(value))


def _batch_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
    weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    if training:
        return batch_norm(x, weight, bias, eps)
    assert running_mean is not None and running_var is not None
    shape = [1, -1] + [1] * (x.dim() - 2)
    out = (x - running_mean.view(shape)) * (running_var.view(shape) + eps).rsqrt()
    out = out if weight is None else out * weight.view(shape)
    return out if bias is None else out + bias.view(shape)


def _instance_norm(
    x: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    if use_input_stats:
        running_mean = running_var = None
    return F.instance_norm(
        x, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


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
                self._switches.enter_context(torch.backends.mkldnn.flags(enabled=False))
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
