"""Convolutions as im2col and a matrix product, right to every order and fast under vmap.

What vmap makes of a convolution whose weights differ by episode, a grouped one, runs at a tenth of
the processor's speed (design.md, section 7); a batched product runs near its peak. Gathering
patches is linear: its derivative is its adjoint, and the adjoint's derivative is itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

Pair = Sequence[int]

_library: Any = torch.library.Library("metascope", "DEF")  # type: ignore[no-untyped-call]
_library.define("patches(Tensor x, int[] kernel, int[] stride, int[] padding) -> Tensor")
_library.define("fold(Tensor patches, int[] size, int[] stride, int[] padding) -> Tensor")


def patches(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    """im2col, channels last: x `(N, C, H, W)` to `(N, H', W', kh kw C)`, in one strided copy."""
    count, channels, height, width = map(int, x.shape)
    tall, wide = height + 2 * padding[0], width + 2 * padding[1]
    out = [(size - k) // s + 1 for size, k, s in zip((tall, wide), kernel, stride, strict=True)]
    row = wide * channels
    padded = x.permute(0, 2, 3, 1)
    if any(padding):
        padded = x.new_zeros(count, tall, wide, channels)
        inside = padded.as_strided(
            (count, height, width, channels), (tall * row, row, channels, 1),
            padding[0] * row + padding[1] * channels,
        )  # fmt: skip
        inside.copy_(x.permute(0, 2, 3, 1))
    overlapping = padded.contiguous().as_strided(
        (count, *out, *kernel, channels),
        (tall * row, stride[0] * row, stride[1] * channels, row, channels, 1),
    )
    return overlapping.contiguous().view(count, *out, kernel[0] * kernel[1] * channels)


def fold(patches: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    """col2im, the adjoint: `(N, H', W', kh kw C)` to `(N, C, H, W)`, stored channels last.

    `size` is (C, H, W, kh, kw). The rows and columns of a window that lie in one block of a stride
    are added together: four additions for a 3x3 kernel of stride 2 instead of nine.
    """
    channels, height, width, *kernel = size
    count, *out = map(int, patches.shape[:3])
    reach = [-(-k // s) for k, s in zip(kernel, stride, strict=True)]
    tall, wide = (
        max(o + r - 1, -(-(whole + 2 * p) // s)) * s
        for o, r, whole, p, s in zip(out, reach, (height, width), padding, stride, strict=True)
    )
    total = patches.new_zeros(count, tall, wide, channels)
    row, window = wide * channels, kernel[0] * kernel[1] * channels
    patches = patches.contiguous()
    for top in range(0, kernel[0], stride[0]):
        rows = min(stride[0], kernel[0] - top)
        for left in range(0, kernel[1], stride[1]):
            shape = (count, *out, rows, min(stride[1], kernel[1] - left), channels)
            place = total.as_strided(
                shape, (tall * row, stride[0] * row, stride[1] * channels, row, channels, 1),
                top * row + left * channels,
            )  # fmt: skip
            line = kernel[1] * channels
            source = patches.as_strided(
                shape, (out[0] * out[1] * window, out[1] * window, window, line, channels, 1),
                top * line + left * channels,
            )  # fmt: skip
            place.add_(source)
    return total.as_strided(
        (count, channels, height, width), (tall * row, 1, row, channels),
        padding[0] * row + padding[1] * channels,
    )  # fmt: skip


_library.impl("patches", patches, "CompositeExplicitAutograd")
_library.impl("fold", fold, "CompositeExplicitAutograd")

# What stands for the two in a finished graph, where their steps are recorded one by one.
INLINED = {
    torch.ops.metascope.patches.default: patches,
    torch.ops.metascope.fold.default: fold,
}


class Patches(Function):
    """`patches`, differentiable and batched by vmap."""

    @staticmethod
    def forward(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        found: Tensor = torch.ops.metascope.patches(x, kernel, stride, padding)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, kernel, ctx.stride, ctx.padding = inputs
        ctx.size = [*x.shape[1:], *kernel]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return _fold(grads[0], ctx.size, ctx.stride, ctx.padding), None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: Sequence[int | None], x: Tensor, *settings: Pair
    ) -> tuple[Tensor, int]:
        x = x.movedim(in_dims[0] or 0, 0)
        return _apart(windows(x.flatten(0, 1), *settings), x), 0


class Fold(Function):
    """`fold`, differentiable and batched by vmap."""

    @staticmethod
    def forward(patches: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
        found: Tensor = torch.ops.metascope.fold(patches, size, stride, padding)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, ctx.size, ctx.stride, ctx.padding = inputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return windows(grads[0], ctx.size[3:], ctx.stride, ctx.padding), None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: Sequence[int | None], patches: Tensor, *settings: Pair
    ) -> tuple[Tensor, int]:
        patches = patches.movedim(in_dims[0] or 0, 0)
        return _apart(_fold(patches.flatten(0, 1), *settings), patches), 0


def _apart(found: Tensor, like: Tensor) -> Tensor:
    """The first axis as the first two of another tensor, whose product it is."""
    out: Tensor = found.unflatten(0, like.shape[:2])  # type: ignore[no-untyped-call]
    return out


def windows(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    """`patches` of one episode, differentiable to every order and batched by vmap."""
    found: Tensor = Patches.apply(x, kernel, stride, padding)  # type: ignore[no-untyped-call]
    return found


def _fold(patches: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    found: Tensor = Fold.apply(patches, size, stride, padding)  # type: ignore[no-untyped-call]
    return found


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair
) -> Tensor:
    """F.conv2d of one group without dilation: x `(N, C, H, W)`, weight `(F, C, kh, kw)`."""
    filters, _, *kernel = weight.shape
    rows = windows(x, kernel, stride, padding)
    columns = weight.permute(2, 3, 1, 0).reshape(-1, filters)
    out = rows.flatten(0, 2) @ columns
    if bias is not None:
        out = out + bias
    return out.view(*rows.shape[:3], filters).permute(0, 3, 1, 2)


def pair(value: Any) -> list[int]:
    """A setting for height and width."""
    return [value, value] if isinstance(value, int) else [*value] * (3 - len(value))
