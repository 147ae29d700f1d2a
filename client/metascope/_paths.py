"""Names of files as a server takes them: "/" between folders, nothing that cannot be shown."""

from __future__ import annotations

import re

LONGEST_PATH = 500
_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]|(?<=\A[A-Za-z]):")


def sent_path(name: str) -> str:
    """The path, with `%E9` for every byte that none on a server may hold."""
    return _NOT_IN_PATHS.sub(_spelled, name)


def _spelled(found: re.Match[str]) -> str:
    data = found[0].encode("utf-8", "surrogateescape" if _is_byte(found[0]) else "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def _is_byte(letter: str) -> bool:
    """As Python reads a byte that is no UTF-8."""
    return "\udc80" <= letter <= "\udcff"
