"""SNAIL (Mishra et al. 2018, arXiv:1707.03141), section 3 and Appendix A.

A token is a support example with its label, or an asked example with none. The asked one at place a
stands behind the first `after[a]` support tokens, and no token looks at an asked one but itself: so
many questions at many places are answered in one pass, each as the last of a sequence of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.metalearning.recurrent.learner import SequenceLearner


class DenseBlock(nn.Module):
    """Algorithm 1: tanh(f) sigmoid(g) of two causal convolutions of kernel 2, beside the input."""

    def __init__(self, channels: int, filters: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.here = nn.Linear(channels, 2 * filters)
        self.back = nn.Linear(channels, 2 * filters, bias=False)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """Tokens `(E, L, C)` at their positions `(L,)` to `(E, L, C + filters)`."""
        source = position - self.dilation
        earlier = x[:, source.clamp(min=0)] * (source >= 0).to(x.dtype).unsqueeze(-1)
        f, g = (self.here(x) + self.back(earlier)).chunk(2, -1)
        return torch.cat([x, f.tanh() * g.sigmoid()], -1)


class TemporalConvolutions(nn.Module):
    """Algorithm 2: dense blocks of dilations 1, 2, 4, ... whose reach is the whole sequence.

    The paper's listing counts its dilations 2^i from i = 1; with kernels of 2 these reach even
    distances alone, and its text and figure begin at 1.
    """

    def __init__(self, channels: int, length: int, filters: int) -> None:
        super().__init__()
        blocks = max(1, math.ceil(math.log2(length)))
        self.blocks = nn.ModuleList(
            DenseBlock(channels + place * filters, filters, 2**place) for place in range(blocks)
        )
        self.channels = channels + blocks * filters

    def forward(self, x: Tensor, position: Tensor, sees: Tensor) -> Tensor:
        """See DenseBlock."""
        for block in self.blocks:
            x = block(x, position)
        return x


class Attention(nn.Module):
    """Algorithm 3: one head of causal attention, read beside the input."""

    def __init__(self, channels: int, keys: int, values: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, keys)
        self.key = nn.Linear(channels, keys)
        self.value = nn.Linear(channels, values)
        self.channels = channels + values

    def forward(self, x: Tensor, position: Tensor, sees: Tensor) -> Tensor:
        """Tokens `(E, L, C)`, each looking where `sees` `(L, L)` is true."""
        logits = torch.bmm(self.query(x), self.key(x).transpose(1, 2))
        logits = logits / math.sqrt(self.key.out_features)
        shares = logits.masked_fill(~sees, -torch.inf).softmax(-1)
        return torch.cat([x, torch.bmm(shares, self.value(x))], -1)


class Snail(SequenceLearner):
    """The few-shot network of Appendix A: attention, convolutions, attention, convolutions,
    attention, and a linear layer."""

    def __init__(
        self, embed: nn.Module, features: int, outputs: int, *, length: int, width: int
    ) -> None:
        super().__init__(embed, outputs)
        layers: list[Attention | TemporalConvolutions] = []
        channels = features + outputs
        for keys in (width // 2, 2 * width, 4 * width):
            layers.append(Attention(channels, keys, keys // 2))
            if len(layers) < 5:
                layers.append(TemporalConvolutions(layers[-1].channels, length, width))
            channels = layers[-1].channels
        self.layers = nn.ModuleList(layers)
        self.out = nn.Linear(channels, outputs)

    def answer(self, support: Tensor, labels: Tensor, asked: Tensor, after: Tensor) -> Tensor:
        """See SequenceLearner."""
        count = support.shape[1]
        own = torch.arange(count, device=after.device)
        position = torch.cat([own, after])
        sees = F.pad(own < position.unsqueeze(1), (0, len(after)))
        sees = sees | torch.eye(len(position), dtype=torch.bool, device=after.device)
        unlabelled = asked.new_zeros(*asked.shape[:2], self.outputs)
        x = torch.cat([torch.cat([support, labels], -1), torch.cat([asked, unlabelled], -1)], 1)
        for layer in self.layers:
            x = layer(x, position, sees)
        answers: Tensor = self.out(x[:, count:])
        return answers
