"""Batch norm by the statistics of the set it is given, differentiable twice and batched by vmap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


def batch_norm(x: Tensor, gain: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
    """F.batch_norm in training, without running statistics: x `(N, C, *)`, gain, shift `(C,)`."""
    channels = x.shape[1]
    moved = x.movedim(1, -1)
    flat = moved.reshape(-1, channels)
    gain = x.new_ones(channels) if gain is None else gain
    shift = x.new_zeros(channels) if shift is None else shift
    out: Tensor = Normalised.apply(flat, gain[None], shift[None], eps)[0]  # type: ignore[no-untyped-call]
    return out.view(moved.shape).movedim(-1, 1)


def _in_front(info: Any, in_dims: Sequence[int | None], tensors: Sequence[Tensor]) -> list[Tensor]:
    """Every tensor with the episode axis first; what has none is the same for all episodes."""
    return [
        tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(tensors, in_dims, strict=False)
    ]


class Normalised(Function):
    """gain n + shift, with n = (z - mean z) r and r = (var z + eps)^-1/2 over P positions.

    z `(..., P, F)`; gain, shift `(..., 1, F)`. Also returns n and r.
    """

    @staticmethod
    def forward(
        z: Tensor, gain: Tensor, shift: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        n = z - z.mean(-2, keepdim=True)
        r = (n * n).mean(-2, keepdim=True).add(eps).rsqrt()
        n = n * r
        return torch.addcmul(shift, n, gain), n, r

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        z, gain = inputs[:2]
        _, n, r = output
        ctx.mark_non_differentiable(n, r)
        ctx.save_for_backward(z, gain, n, r)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        z, gain, n, r = ctx.saved_tensors
        found: tuple[Tensor, Tensor, Tensor] = NormalisedGradient.apply(  # type: ignore[no-untyped-call]
            grads[0], z, gain, n.detach(), r.detach()
        )
        return *found, None

    @staticmethod
    def vmap(
        info: Any, in_dims: Sequence[int | None], *inputs: Any
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, int, int]]:
        *tensors, eps = inputs
        found = Normalised.apply(*_in_front(info, in_dims, tensors), eps)  # type: ignore[no-untyped-call]
        return found, (0, 0, 0)


class NormalisedGradient(Function):
    """The gradient of `Normalised`, itself differentiable by its cotangent h, z and gain.

    With m() the mean over positions and k = gain r:
    dz = k (h - m(h) - n m(h n)),  dgain = P m(h n),  dshift = P m(h).
    Write Pi(v) = v - m(v) - n m(v n), symmetric. For cotangents u, s, t of these three:
    to h:     k Pi(u) + s n + t
    to gain:  r q, with q = sum(u Pi(h))
    to z:     r Pi(w) - gain q r^2 n / P, with w = s h - k (h m(u n) + u m(h n)),
    the second term from r in k.
    """

    @staticmethod
    def forward(
        h: Tensor, z: Tensor, gain: Tensor, n: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        positions = n.shape[-2]
        mean_h = h.mean(-2, keepdim=True)
        mean_hn = (h * n).mean(-2, keepdim=True)
        dz = torch.addcmul(h - mean_h, n, mean_hn, value=-1) * (gain * r)
        return dz, mean_hn * positions, mean_h * positions

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        h, _, gain, n, r = inputs
        ctx.save_for_backward(h, gain, n, r)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        u, s, t = grads
        h, gain, n, r = ctx.saved_tensors
        positions, k = n.shape[-2], gain * r
        mean_h = h.mean(-2, keepdim=True)
        mean_hn = (h * n).mean(-2, keepdim=True)
        mean_u = u.mean(-2, keepdim=True)
        mean_un = (u * n).mean(-2, keepdim=True)
        mean_uh = (u * h).mean(-2, keepdim=True)
        q = mean_uh - mean_u * mean_h - mean_un * mean_hn  # over P
        to_h = torch.addcmul(t - k * mean_u, u, k).addcmul(n, s - k * mean_un)
        by_h, by_u = s - k * mean_un, -k * mean_hn
        mean_w = by_h * mean_h + by_u * mean_u
        mean_wn = by_h * mean_hn + by_u * mean_un
        to_z = torch.addcmul(-r * mean_w, h, r * by_h).addcmul(u, r * by_u)
        to_z = to_z.addcmul(n, -r * mean_wn - gain * q * r * r)
        return to_h, to_z, r * q * positions, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: Sequence[int | None], *inputs: Tensor
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, int, int]]:
        found = NormalisedGradient.apply(*_in_front(info, in_dims, inputs))  # type: ignore[no-untyped-call]
        return found, (0, 0, 0)
