"""Strict readers for environment variables: a bad value stops the start with a sentence."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The variable as it is."""
    return os.environ.get(name, default)


def words(name: str) -> list[str]:
    """A list separated by commas; empty when unset."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def flag(name: str, default: bool = False) -> bool:
    """1 or 0."""
    value = os.environ.get(name, "1" if default else "0")
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name}={value!r} is not understood: use 1 or 0.")
    return value == "1"


def number(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """A whole number within bounds, both allowed."""
    value = os.environ.get(name, str(default))
    if not value.lstrip("-").isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not understood: use a whole number from {least} to {most}."
        )
    return int(value)


def path(name: str, default: Path) -> Path:
    """A folder or file; relative ones start at the folder the process was started in."""
    return Path(os.environ.get(name) or default).expanduser().resolve()


def addresses(name: str, *schemes: str) -> list[str]:
    """A list of URLs with one of these schemes, separated by commas; empty when unset."""
    found = words(name)
    for one in found:
        if not one.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            known = " or ".join(f"{scheme}://..." for scheme in schemes)
            raise ImproperlyConfigured(f"{name}={one!r} is not understood: use {known}.")
    return found
