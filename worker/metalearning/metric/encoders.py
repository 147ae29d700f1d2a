"""Convolutional encoders for images of many episodes at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    """3x3 convolution, batch norm by the statistics of each episode's images, rectifier, and 2x2
    max pooling where asked for."""

    def __init__(self, channels: int, filters: int, *, pools: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, 3, padding=1, bias=False)  # batch norm cancels it
        self.norm = nn.BatchNorm2d(filters, track_running_stats=False)
        self.pools = pools

    def forward(self, x: Tensor) -> Tensor:
        """x `(E, M, C, H, W)` to `(E, M, F, H', W')`."""
        episodes, images = x.shape[:2]
        z = self.conv(x.flatten(0, 1))
        z = z.view(episodes, images, *z.shape[1:])
        # An episode's channels are channels of their own: one native batch norm for all episodes.
        z = z.transpose(0, 1).flatten(1, 2)
        gain, shift = self.norm.weight.repeat(episodes), self.norm.bias.repeat(episodes)
        z = F.relu(F.batch_norm(z, None, None, gain, shift, training=True, eps=self.norm.eps))
        if self.pools:
            z = F.max_pool2d(z, 2)
        return z.view(images, episodes, -1, *z.shape[2:]).transpose(0, 1)


class ConvEncoder(nn.Module):
    """Blocks one after the other (Vinyals et al. 2016, section 4.1.1: four of 64 filters, each with
    pooling, so that a picture of 28x28 becomes 64 numbers)."""

    def __init__(self, channels: int, filters: int, pools: Sequence[bool]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(filters if place else channels, filters, pools=pooled)
            for place, pooled in enumerate(pools)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x `(E, M, C, H, W)` to feature maps `(E, M, F, h, w)`."""
        for block in self.blocks:
            x = block(x)
        return x


def feature_shape(encoder: ConvEncoder, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """`(F, h, w)` of a picture `(C, H, W)`."""
    with torch.no_grad():
        return tuple(encoder(torch.zeros(1, 1, *input_shape)).shape[2:])
