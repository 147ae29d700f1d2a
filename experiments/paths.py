"""Paths of stored files: relative, "/" between folders, and never out of their tree."""

import re

from experiments.errors import Invalid

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check(path: str, *, field: str, longest: int) -> None:
    """Raises Invalid at `field` unless the path can name a stored file."""
    parts = path.split("/")
    if not path or len(path) > longest or _CONTROL.search(path):
        raise _invalid(field, f"must be 1 to {longest} printable characters")
    if "\\" in path or path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise _invalid(field, "must be relative and use '/' between folders")
    if any(part in ("", ".", "..") for part in parts):
        raise _invalid(field, "must not hold '.', '..' or empty parts")
    if any("\ud800" <= character <= "\udfff" for character in path):
        raise _invalid(field, "must be valid Unicode")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", fields={field: [message]})
