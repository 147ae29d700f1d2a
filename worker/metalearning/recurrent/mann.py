"""The memory-augmented network of Santoro et al. 2016 (arXiv:1605.06065), section 3.

E episodes, N rows of the memory, M numbers in a row, R reading heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worker.metalearning.recurrent.learner import SequenceLearner, shifted

LEAST = 1e-8  # added to squared norms: rows begin at zero


@dataclass(frozen=True)
class Memory:
    """What the controller and the memory hold after a step."""

    hidden: Tensor  # (E, H)
    cell: Tensor  # (E, H)
    read: Tensor  # (E, R M): what the heads read
    rows: Tensor  # (E, N, M)
    read_weights: Tensor  # (E, R, N)
    usage: Tensor  # (E, N)

    def of(self, episodes: Tensor) -> Memory:
        """Those of some episodes, which may be named several times."""
        return Memory(
            self.hidden[episodes], self.cell[episodes], self.read[episodes],
            self.rows[episodes], self.read_weights[episodes], self.usage[episodes],
        )  # fmt: skip


class Mann(SequenceLearner):
    """The controller, an LSTM, sees (x_t, y_{t-1}) and what was read before. At each step, for the
    key k_t of every head (equations 2 to 8 and Appendix; sigma is the logistic function):

        w^w_t = sigma(a) w^r_{t-1} + (1 - sigma(a)) w^lu_{t-1}
        M_t   = M_{t-1}, least used rows set to zero, + w^w_t k_t
        w^r_t = softmax of the cosines of k_t and the rows of M_t
        r_t   = w^r_t M_t
        w^u_t = gamma w^u_{t-1} + w^r_t + w^w_t

    w^lu marks the R rows of lowest usage; with several heads, head r writes to the r-th of them, as
    all heads at all of these rows would make R equal ones. Of rows used alike the first is taken.
    """

    def __init__(
        self, embed: nn.Module, features: int, outputs: int, *,
        hidden: int, rows: int, width: int, reads: int, usage_decay: float,
    ) -> None:  # fmt: skip
        super().__init__(embed, outputs)
        self.rows, self.width, self.reads = rows, width, reads
        self.usage_decay = usage_decay
        self.cell = nn.LSTMCell(features + outputs + reads * width, hidden)
        self.keys = nn.Linear(hidden, reads * width)
        self.gate = nn.Parameter(torch.zeros(1))
        self.out = nn.Linear(hidden + reads * width, outputs)

    def answer(self, support: Tensor, labels: Tensor, asked: Tensor, after: Tensor) -> Tensor:
        """See SequenceLearner: an asked example is one more step, whose writing is forgotten."""
        before = shifted(labels)
        seen = torch.cat([asked, before[:, after]], -1)
        memory = self.begin(support)
        found: dict[int, Tensor] = {}
        for step in range(support.shape[1] + 1):
            places = (after == step).nonzero()[:, 0]
            if len(places):
                found |= zip(places.tolist(), self._asked(memory, seen[:, places]), strict=True)
            if step < support.shape[1]:
                memory = self.advance(memory, torch.cat([support[:, step], before[:, step]], -1))
        return torch.stack([found[place] for place in range(len(after))], 1)

    def _asked(self, memory: Memory, seen: Tensor) -> tuple[Tensor, ...]:
        """Answers `(E, O)` to each of the inputs `(E, A, F + O)`, all from the one state."""
        episodes, count = seen.shape[:2]
        each = torch.arange(episodes, device=seen.device).repeat_interleave(count)
        then = self.advance(memory.of(each), seen.flatten(0, 1))
        answers: Tensor = self.out(torch.cat([then.hidden, then.read], -1))
        return answers.view(episodes, count, -1).unbind(1)

    def begin(self, like: Tensor) -> Memory:
        """An empty memory for each episode."""
        episodes, hidden = len(like), self.cell.hidden_size
        return Memory(
            like.new_zeros(episodes, hidden), like.new_zeros(episodes, hidden),
            like.new_zeros(episodes, self.reads * self.width),
            like.new_zeros(episodes, self.rows, self.width),
            like.new_zeros(episodes, self.reads, self.rows), like.new_zeros(episodes, self.rows),
        )  # fmt: skip

    def advance(self, memory: Memory, seen: Tensor) -> Memory:
        """One step on the inputs `(E, F + O)`."""
        into = torch.cat([seen, memory.read], -1)
        hidden, cell = self.cell(into, (memory.hidden, memory.cell))
        keys = self.keys(hidden).tanh().view(-1, self.reads, self.width)
        least = self.least_used(memory.usage)
        share = self.gate.sigmoid()
        writing = share * memory.read_weights + (1 - share) * least
        rows = memory.rows * (1 - least.sum(1)).unsqueeze(-1)
        rows = torch.baddbmm(rows, writing.transpose(1, 2), keys)
        reading = cosines(keys, rows).softmax(-1)
        usage = self.usage_decay * memory.usage + (reading + writing).sum(1)
        read = torch.bmm(reading, rows).flatten(1)
        return Memory(hidden, cell, read, rows, reading, usage)

    def least_used(self, usage: Tensor) -> Tensor:
        """Usage `(E, N)` to `(E, R, N)`: one at the row of r-th lowest usage, zero elsewhere."""
        order = usage.detach().argsort(dim=-1, stable=True)[:, : self.reads]
        return torch.zeros(
            len(usage), self.reads, self.rows, dtype=usage.dtype, device=usage.device
        ).scatter(-1, order.unsqueeze(-1), 1.0)


def cosines(keys: Tensor, rows: Tensor) -> Tensor:
    """Cosine similarity of keys `(E, R, M)` and rows `(E, N, M)`: `(E, R, N)`."""
    norms = [(one.square().sum(-1) + LEAST).rsqrt() for one in (keys, rows)]
    return torch.bmm(keys, rows.transpose(1, 2)) * norms[0].unsqueeze(2) * norms[1].unsqueeze(1)
