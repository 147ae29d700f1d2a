"""The coordinatewise LSTM optimizer (Andrychowicz et al. 2016, arXiv:1606.04474, section 2.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from worker.metalearning.calling import Functional
from worker.metalearning.networks import Parameters
from worker.metalearning.optimizing.rules import Memory
from worker.metalearning.specs import CoordinateLstm


def log_and_sign(values: Tensor, p: float) -> Tensor:
    """Appendix A: `(...,)` to `(..., 2)`, (log|v| / p, sgn v) from e^-p on, else (-1, e^p v)."""
    size = values.abs()
    small = size < math.exp(-p)
    log = torch.where(small, -1.0, size.clamp_min(math.exp(-p)).log() / p)
    sign = torch.where(small, math.exp(p) * values, values.sign())
    return torch.stack([log, sign], -1)


class CoordinateNetwork(nn.Module):
    """LSTM layers and a linear one, for every number alike."""

    def __init__(self, spec: CoordinateLstm) -> None:
        super().__init__()
        self.spec = spec
        inputs = 2 if spec.preprocessing == "log_and_sign" else 1
        self.cells = nn.ModuleList(
            nn.LSTMCell(spec.hidden if place else inputs, spec.hidden)
            for place in range(spec.layers)
        )
        self.out = nn.Linear(spec.hidden, 1)

    def forward(self, gradient: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Gradients `(M,)` to steps `(M,)`; the memory is h and c `(M, hidden)` of each layer."""
        x = gradient.unsqueeze(-1)
        if self.spec.preprocessing == "log_and_sign":
            x = log_and_sign(gradient, self.spec.p)
        kept: list[Tensor] = []
        for place, cell in enumerate(self.cells):
            x, c = cell(x, (memory[2 * place], memory[2 * place + 1]))
            kept += [x, c]
        step: Tensor = self.spec.output_scale * self.out(x).squeeze(-1)
        return step, tuple(kept)


class LstmRule:
    """The network as an update rule."""

    def __init__(self, network: CoordinateNetwork) -> None:
        self.spec = network.spec
        self._call = Functional(network)

    def begin(self, theta: Tensor) -> Memory:
        """See Rule."""
        zeros = theta.new_zeros(theta.numel(), self.spec.hidden)
        return (zeros,) * (2 * self.spec.layers)

    def step(
        self, params: Parameters, gradient: Tensor, memory: Memory, number: int
    ) -> tuple[Tensor, Memory]:
        """See Rule; the LSTM does not count steps."""
        found: tuple[Tensor, Memory] = self._call(params, gradient.flatten(), memory)
        return found[0].view_as(gradient), found[1]


def build_coordinate_network(spec: CoordinateLstm, seed: int) -> CoordinateNetwork:
    """A freshly initialised one; its initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CoordinateNetwork(spec)
