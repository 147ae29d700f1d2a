"""Convolution, batch norm and rectifier for many episodes at once, differentiable twice.

Left to autograd, the second derivative of this block spends half its time filling zeros for the
gradients of slices (measured: 45 % of an Omniglot meta-step). Written by hand it is two linear
maps, each the other's adjoint (`Patches`), and one function whose first and second derivatives need
a few means over positions (`NormRelu`). Tests hold both to finite differences and native modules.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

EPS = 1e-5  # nn.BatchNorm2d's


def strided_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """3x3, stride 2, padding 1, by each episode's own weights, channels last.

    x `(E, M, H, W, C)`, weight `(E, F, C, 3, 3)` to `(E, M, H', W', F)`.
    im2col and a batched product: what vmap makes of a convolution instead, a grouped one, runs at a
    tenth of the processor's speed (design.md, section 7).
    """
    episodes, filters, channels = weight.shape[:3]
    patches: Tensor = Patches.apply(x)  # type: ignore[no-untyped-call]
    kernel = weight.permute(0, 3, 4, 2, 1).reshape(episodes, 9 * channels, filters)
    out = torch.bmm(patches.view(episodes, -1, 9 * channels), kernel)
    return out.view(*patches.shape[:4], filters)


def norm_relu(z: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """relu(batch norm(z)) by each episode's own statistics: z `(E, M, H, W, F)`, gain `(E, F)`."""
    flat = z.view(z.shape[0], -1, z.shape[-1])
    out: Tensor = NormRelu.apply(  # type: ignore[no-untyped-call]
        flat, gain.unsqueeze(1), shift.unsqueeze(1)
    )
    return out.view(z.shape)


def _half(size: int) -> int:
    """Output positions of stride 2, kernel 3, padding 1."""
    return (size + 1) // 2


def _gather(x: Tensor) -> Tensor:
    """im2col: x `(E, M, H, W, C)` to patches `(E, M, H', W', 3, 3, C)`, in one strided copy."""
    episodes, images, height, width, channels = x.shape
    out_h, out_w = _half(height), _half(width)
    pad_h, pad_w = 2 * out_h + 2, 2 * out_w + 2
    padded = F.pad(x, (0, 0, 1, pad_w - width - 1, 1, pad_h - height - 1)).contiguous()
    image, row = pad_h * pad_w * channels, pad_w * channels
    return padded.as_strided(
        (episodes, images, out_h, out_w, 3, 3, channels),
        (images * image, image, 2 * row, 2 * channels, row, channels, 1),
    ).contiguous()


def _scatter(patches: Tensor, height: int, width: int) -> Tensor:
    """col2im, the adjoint of `_gather`: sums patches back into `(E, M, H, W, C)`.

    A patch of stride 2 covers its own 2x2 block whole, and one row and column of the next blocks:
    four additions instead of nine.
    """
    episodes, images, out_h, out_w, _, _, channels = patches.shape
    blocks = patches.new_zeros(episodes, images, out_h + 1, 2, out_w + 1, 2, channels)
    # (E, M, H', W', i, j, C) to (E, M, H', i, W', j, C)
    source = patches.permute(0, 1, 2, 4, 3, 5, 6)
    blocks[:, :, :-1, :, :-1].copy_(source[:, :, :, :2, :, :2])
    blocks[:, :, 1:, 0, :-1].add_(source[:, :, :, 2, :, :2])
    blocks[:, :, :-1, :, 1:, 0].add_(source[:, :, :, :2, :, 2])
    blocks[:, :, 1:, 0, 1:, 0].add_(source[:, :, :, 2, :, 2])
    whole = blocks.view(episodes, images, 2 * out_h + 2, 2 * out_w + 2, channels)
    return whole[:, :, 1 : 1 + height, 1 : 1 + width]


class Patches(Function):
    """im2col; linear, so its derivative is its adjoint and its second derivative itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape[2:4]
        return _gather(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        out: Tensor = PatchesAdjoint.apply(grads[0], *ctx.size)  # type: ignore[no-untyped-call]
        return out


class PatchesAdjoint(Function):
    """col2im."""

    @staticmethod
    def forward(ctx: Any, patches: Tensor, height: int, width: int) -> Tensor:
        return _scatter(patches, height, width)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        out: Tensor = Patches.apply(grads[0])  # type: ignore[no-untyped-call]
        return out, None, None


class NormRelu(Function):
    """a = relu(gain n + shift), n = (z - mean z) r, r = (var z + eps)^-1/2, over P positions.

    z `(E, P, F)`; gain, shift `(E, 1, F)`.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        n = z - z.mean(1, keepdim=True)
        r = (n * n).mean(1, keepdim=True).add_(EPS).rsqrt_()
        n.mul_(r)
        out = torch.addcmul(shift, n, gain).relu_()
        ctx.save_for_backward(z, gain, n, r, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, gain, n, r, out = ctx.saved_tensors
        found: tuple[Tensor, Tensor, Tensor] = NormReluGradient.apply(  # type: ignore[no-untyped-call]
            grads[0], z, gain, n.detach(), r.detach(), out.detach()
        )
        return found


class NormReluGradient(Function):
    """The gradient of `NormRelu`, itself differentiable by its cotangent, z and gain.

    With h = (a > 0) * cotangent, m() the mean over positions and k = gain r:
    dz = k (h - m(h) - n m(h n)),  dgain = P m(h n),  dshift = P m(h).
    Write Pi(v) = v - m(v) - n m(v n), symmetric. For cotangents u, s, t of these three:
    to h:     k Pi(u) + s n + t
    to gain:  r q, with q = sum(u Pi(h))
    to z:     r Pi(w) - gain q r^2 n / P, with w = s h - k (h m(u n) + u m(h n)),
    the second term from r in k. The rectifier's own second derivative is zero.
    """

    @staticmethod
    def forward(
        ctx: Any, cotangent: Tensor, z: Tensor, gain: Tensor, n: Tensor, r: Tensor, out: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        h = torch.where(out > 0, cotangent, 0.0)
        mean_h = h.mean(1, keepdim=True)
        mean_hn = (h * n).mean(1, keepdim=True)
        ctx.save_for_backward(gain, n, r, out, h, mean_h, mean_hn)
        positions = n.shape[1]
        dz = torch.addcmul(h - mean_h, n, mean_hn, value=-1).mul_(gain * r)
        return dz, mean_hn * positions, mean_h * positions

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        u, s, t = grads
        gain, n, r, out, h, mean_h, mean_hn = ctx.saved_tensors
        positions, k = n.shape[1], gain * r
        mean_u = u.mean(1, keepdim=True)
        mean_un = (u * n).mean(1, keepdim=True)
        mean_uh = (u * h).mean(1, keepdim=True)
        q = mean_uh - mean_u * mean_h - mean_un * mean_hn  # over P
        to_h = torch.addcmul(t - k * mean_u, u, k).addcmul_(n, s - k * mean_un)
        by_h, by_u = s - k * mean_un, -k * mean_hn
        mean_w = by_h * mean_h + by_u * mean_u
        mean_wn = by_h * mean_hn + by_u * mean_un
        to_z = torch.addcmul(-r * mean_w, h, r * by_h)
        to_z.addcmul_(u, r * by_u).addcmul_(n, -r * mean_wn - gain * q * r * r)
        return torch.where(out > 0, to_h, 0.0), to_z, r * q * positions, None, None, None
