"""Writing while an open page is being answered."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError

T = TypeVar("T")
PATIENCE_S = 20.0


def written(write: Callable[[], T]) -> T:
    """What `write` returns, tried again while it is refused.

    The tests' database is in memory and shared by threads: there a table that the server reads is
    refused to writers at once, whatever the busy timeout.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
