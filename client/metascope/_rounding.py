"""Whole numbers that a metric cannot hold: beyond 2**53, where a float of 64 bits has no room for
each, they are kept as the nearest. Never silently: it is said, once a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

from metascope._channel import say

MOST_EXACT = 2**53
HEAD = 4  # what is packed before the values


class Rounding:
    """Knows of which metrics it was said."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def tell(self, key: str, value: Any) -> None:
        """Say it of this value, if it is so."""
        if key in self._said or not _is_int(value) or int(float(value)) == int(value):
            return
        self._said.add(key)
        say(
            f"metric {key!r}: whole numbers beyond 2**53 are kept as the nearest float of 64 bits, "
            f"{value} as {int(float(value))} (params and the summary hold them whole)"
        )

    def watched(self, pack: Callable[..., bytes], row: Mapping[str, Any]) -> Callable[..., bytes]:
        """The same packer of rows like this one, which looks at their whole numbers first."""
        keys = list(row)
        places = [at for at, value in enumerate(row.values()) if _is_int(value)]
        if not places:
            return pack

        def checked(*packed: Any) -> bytes:
            for place in places:
                if not -MOST_EXACT <= (value := packed[place + HEAD]) <= MOST_EXACT:
                    self.tell(keys[place], value)
            return pack(*packed)

        return checked


def _is_int(value: Any) -> bool:
    """Python's or NumPy's; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)
