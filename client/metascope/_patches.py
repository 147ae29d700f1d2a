"""Functions of other packages that are replaced for a while."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T", bound="Patches")


class Patches:
    """What was replaced; `close`, or the end of a `with`, puts it back, the last one first."""

    def __init__(self) -> None:
        self._originals: list[tuple[Any, str, Callable[..., Any]]] = []

    def replace(self, owner: Any, name: str, by: Callable[..., Any]) -> None:
        """`owner.name` is `by` from here on."""
        self._originals.append((owner, name, getattr(owner, name)))
        setattr(owner, name, by)

    def close(self) -> None:
        """Put back what was replaced. Doing it twice does nothing."""
        while self._originals:
            owner, name, original = self._originals.pop()
            setattr(owner, name, original)

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()
