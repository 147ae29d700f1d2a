"""Collects everything wrong with an input, so that its sender hears it all at once."""

import re
import unicodedata
from collections.abc import Iterable

from experiments.errors import DomainError, Invalid

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
MOST_FIELDS = 50  # of one answer: enough to act on, and an answer never grows with the input


class Problems:
    """Messages by dotted path ("spec.outer.lr"); `check` raises them as one Invalid."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.code: str | None = None

    def add(self, path: str, message: str) -> None:
        if path in self.fields or len(self.fields) < MOST_FIELDS:
            self.fields.setdefault(path, []).append(message)

    def take(self, error: DomainError) -> None:
        """Adds what another check found; its code too, if it was more precise than "invalid"."""
        if error.code != Invalid.code:
            self.code = error.code
        for path, messages in error.fields.items():
            for message in messages:
                self.add(path, message)

    def check(self) -> None:
        """Raises Invalid if anything was added; its message is that of the first field."""
        if not self.fields:
            return
        path, messages = next(iter(self.fields.items()))
        raise Invalid(f"{path}: {messages[0]}", code=self.code, fields=self.fields)

    def text(self, path: str, value: str, *, most: int, least: int = 0, lines: bool = False) -> str:
        """`value` without surrounding blanks; adds a problem if it is too long or not printable.

        `lines` allows line breaks and tabs.
        """
        value = value.strip()
        if len(value) < least:
            self.add(path, "Must not be empty.")
        if len(value) > most:
            self.add(path, f"Is {len(value):,} characters long; the limit is {most:,}.")
        allowed = "\n\r\t" if lines else ""
        if bad := unprintable(value, allowed=allowed):
            self.add(path, f"Holds the character U+{ord(bad):04X}, which cannot be shown.")
        return value

    def slug(self, path: str, value: str) -> None:
        """Slugs are in addresses and commands: lower-case letters, digits and inner hyphens."""
        if not _SLUG.fullmatch(value):
            self.add(
                path, "Use 1 to 64 lower-case letters, digits and hyphens, such as 'maml-sinusoid'."
            )


def unprintable(value: str, *, allowed: Iterable[str] = "") -> str | None:
    """The first control character or lone surrogate of `value`, if any."""
    if value.isascii() and value.isprintable():
        return None
    for letter in value:
        if letter not in allowed and unicodedata.category(letter) in ("Cc", "Cs"):
            return letter
    return None
