"""The LSTM meta-learner."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from worker.metalearning.recurrent.learner import SequenceLearner, shifted


class Lstm(SequenceLearner):
    """Hochreiter, Younger, Conwell 2001: an LSTM that sees (x_t, y_{t-1}) and answers y_t."""

    def __init__(self, embed: nn.Module, features: int, outputs: int, hidden: int) -> None:
        super().__init__(embed, outputs)
        self.cell = nn.LSTMCell(features + outputs, hidden)
        self.out = nn.Linear(hidden, outputs)

    def answer(self, support: Tensor, labels: Tensor, asked: Tensor, after: Tensor) -> Tensor:
        """See SequenceLearner: an asked example is one more step from the state it is asked in."""
        before = shifted(labels)
        hidden, cell = self._states(torch.cat([support, before[:, :-1]], -1))
        seen = torch.cat([asked, before[:, after]], -1)
        out, _ = self.cell(
            seen.flatten(0, 1), (hidden[:, after].flatten(0, 1), cell[:, after].flatten(0, 1))
        )
        answers: Tensor = self.out(out)
        return answers.view(*asked.shape[:2], self.outputs)

    def _states(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """States `(E, S + 1, H)` after 0 to S of the inputs `(E, S, F + O)`."""
        hidden = seen.new_zeros(len(seen), self.cell.hidden_size)
        states = [(hidden, hidden)]
        for one in seen.unbind(1):
            states.append(self.cell(one, states[-1]))
        return torch.stack([h for h, _ in states], 1), torch.stack([c for _, c in states], 1)
