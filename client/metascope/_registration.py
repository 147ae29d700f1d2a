"""What `register_model` returns: the version, once the server has made it."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 60.0
LOOK_S = 0.02


class Registration:
    """A version of a registered model on its way. Nothing waits for it unless it is asked."""

    def __init__(self, model: str, find: Callable[[], tuple[bool, int | None]]) -> None:
        self.model = model
        self._find = find

    @property
    def version(self) -> int | None:
        """Its number; waits for the server, a minute at most. None where that has not told it: it
        is away (or METASCOPE_MODE=offline), or refused the model, which is said then."""
        return self.wait(WAIT_S)

    def wait(self, wait_s: float) -> int | None:
        """The number, as soon as it is known and after `wait_s` seconds at the latest."""
        until = time.monotonic() + wait_s
        while True:
            is_decided, number = self._find()
            if is_decided or time.monotonic() >= until:
                return number
            time.sleep(LOOK_S)
