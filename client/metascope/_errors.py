"""What can go wrong between a run and its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MetascopeError(Exception):
    """Base of all errors of this package."""


class Unreachable(MetascopeError):
    """The server cannot take it now; sending the same again later may work."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Denied(MetascopeError):
    """The token is missing, wrong or may not do this; another token can send the same later."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code  # of a Metascope server; empty where something else refused


class Refused(MetascopeError):
    """The server will never take this as it is."""

    def __init__(
        self, message: str, status: int = 400, code: str = "",
        fields: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = dict(fields or {})  # what is wrong, by where: "params.lr"


class MissingFramework(MetascopeError, ImportError):
    """An integration was asked for whose framework is not installed here."""
