"""Strict readers for environment variables: a bad value stops the start with a sentence.

`./run` reads options before any package is installed: nothing here or below needs one.
"""

import os
import re
from pathlib import Path

from config.refusal import StartRefused


def text(name: str, default: str = "") -> str:
    """The variable as it is."""
    return os.environ.get(name, default)


def words(name: str) -> list[str]:
    """A list separated by commas; empty when unset."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def one_of(name: str, default: str, *known: str) -> str:
    """One of the known words."""
    value = os.environ.get(name) or default
    if value not in known:
        raise StartRefused(f"{name}={value!r} is not understood: use {' or '.join(known)}.")
    return value


def flag(name: str, default: bool = False) -> bool:
    """1 or 0."""
    value = os.environ.get(name, "1" if default else "0")
    if value not in ("0", "1"):
        raise StartRefused(f"{name}={value!r} is not understood: use 1 or 0.")
    return value == "1"


def number(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """A whole number within bounds, both allowed."""
    value = os.environ.get(name, str(default))
    found = whole(value, least=least, most=most)
    if found is None:
        raise StartRefused(
            f"{name}={value!r} is not understood: use a whole number from {least} to {most}."
        )
    return found


def whole(written: str, *, least: int, most: int) -> int | None:
    """The whole number that is written there; None if it is none, or out of bounds."""
    if not re.fullmatch(r"-?[0-9]{1,19}", written):
        return None
    return int(written) if least <= int(written) <= most else None


def path(name: str, default: Path) -> Path:
    """A folder or file; relative ones start at the folder the process was started in."""
    return Path(os.environ.get(name) or default).expanduser().resolve()


def addresses(name: str, *schemes: str) -> list[str]:
    """A list of URLs with one of these schemes, separated by commas; empty when unset."""
    found = words(name)
    for one in found:
        if not one.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            known = " or ".join(f"{scheme}://..." for scheme in schemes)
            raise StartRefused(f"{name}={one!r} is not understood: use {known}.")
    return found
