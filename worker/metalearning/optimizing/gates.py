"""The gates of the meta-learner LSTM (Ravi, Larochelle 2017, equations 1 and 2 and section 5.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from worker.metalearning.optimizing.lstm import log_and_sign
from worker.metalearning.specs import MetaLstmInner

Memory = tuple[Tensor, Tensor, Tensor, Tensor]  # h and c of the layer below, f, i
P = 10.0  # of the preprocessing
NARROW = 0.01  # weights begin within plus and minus this, as in the authors' code


class Gates(nn.Module):
    """A plain LSTM, and above it a forget and an input gate; M parameters, each by itself."""

    def __init__(self, inner: MetaLstmInner) -> None:
        super().__init__()
        self.below = nn.LSTMCell(4, inner.hidden)
        self.forget = nn.Linear(inner.hidden + 2, 1)
        self.input = nn.Linear(inner.hidden + 2, 1)
        with torch.no_grad():
            for param in self.parameters():
                param.uniform_(-NARROW, NARROW)
            self.forget.bias.fill_(_logit(inner.keep))
            self.input.bias.fill_(_logit(inner.lr))

    def begin(self, theta: Tensor) -> Memory:
        """An empty memory for parameters of any shape."""
        hidden = theta.new_zeros(theta.numel(), self.below.hidden_size)
        gate = theta.new_zeros(theta.numel())
        return hidden, hidden, gate, gate

    def forward(
        self, theta: Tensor, gradient: Tensor, loss: Tensor, memory: Memory
    ) -> tuple[Tensor, Memory]:
        """All `(M,)`: parameters, their gradients and the loss of the learner they belong to, to
        the next parameters."""
        h, c, forget, entry = memory
        seen = torch.cat([log_and_sign(gradient, P), log_and_sign(loss, P)], -1)
        h, c = self.below(seen, (h, c))
        forget = self.forget(torch.cat([h, torch.stack([theta, forget], -1)], -1)).sigmoid()
        entry = self.input(torch.cat([h, torch.stack([theta, entry], -1)], -1)).sigmoid()
        forget, entry = forget.squeeze(-1), entry.squeeze(-1)
        return forget * theta - entry * gradient, (h, c, forget, entry)


def build_gates(inner: MetaLstmInner, seed: int) -> Gates:
    """Freshly initialised ones; their weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Gates(inner)


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
