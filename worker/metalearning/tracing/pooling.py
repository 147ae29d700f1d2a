"""Pooling by operations that vmap batches to every order of derivative."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from worker.metalearning.tracing.patches import pair, windows


def max_pool2d(
    x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """F.max_pool2d: the first of equal values gets the gradient, as there."""
    if ceil_mode or return_indices or set(pair(dilation)) != {1} or x.dim() != 4:
        pool: Any = F.max_pool2d
        return pool(x.contiguous(), kernel_size, stride, padding, dilation,
                    ceil_mode=ceil_mode, return_indices=return_indices)  # fmt: skip
    kernel, (top, left) = pair(kernel_size), pair(padding)
    padded = F.pad(x, (left, left, top, top), value=-torch.inf) if top or left else x
    found = windows(padded, kernel, pair(kernel_size if stride is None else stride), [0, 0])
    best = found.view(*found.shape[:3], kernel[0] * kernel[1], x.shape[1]).max(-2).values
    return best.permute(0, 3, 1, 2)


def adaptive_avg_pool2d(x: Tensor, output_size: Any) -> Tensor:
    """F.adaptive_avg_pool2d; where the sizes divide, plain means."""
    size = [
        whole if wanted is None else wanted
        for wanted, whole in zip(_two(output_size), x.shape[-2:], strict=True)
    ]
    if any(whole % part for whole, part in zip(x.shape[-2:], size, strict=True)):
        return F.adaptive_avg_pool2d(x.contiguous(), output_size)
    height, width = x.shape[-2:]
    blocks = (size[0], height // size[0], size[1], width // size[1])
    return x.reshape(*x.shape[:-2], *blocks).mean((-1, -3))


def _two(value: Any) -> list[int | None]:
    return [value, value] if isinstance(value, int) or value is None else list(value)
