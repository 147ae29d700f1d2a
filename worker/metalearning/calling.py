"""A module as a function of its parameters, for several threads at once."""

from __future__ import annotations

import copy
import threading
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

Parameters = dict[str, Tensor]


class Functional:
    """`functional_call` puts the parameters into the module while it runs, so two threads that call
    one module mix theirs up: each thread calls a copy of its own."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._copies = threading.local()

    def __call__(self, params: Parameters, *arguments: Any) -> Any:
        """The module's output with these parameters in the place of its own."""
        return functional_call(self.own(), params, arguments)

    def own(self) -> nn.Module:
        """This thread's copy, made when it is first asked for."""
        mine: nn.Module | None = getattr(self._copies, "module", None)
        if mine is None:
            mine = self._copies.module = copy.deepcopy(self.module)
        return mine
