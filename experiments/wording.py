"""How messages quote what was sent, and name what was probably meant instead."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

MOST_LETTERS = 60  # of a value or a name quoted in a message
MOST_NAMES = 20  # of a list of what exists


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """The text, shortened with an ellipsis to `most` letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def shown(value: Any) -> str:
    """A JSON value as a message quotes it."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return cut(f"{value:,}")
    return cut(repr(value))


def listed(names: Sequence[str]) -> str:
    """The names with commas; of many, the first and how many more there are."""
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest:,} more" if rest > 0 else "")


def none_of(value: Any, known: Sequence[str]) -> str:
    """That `value` is not known, what is, and which of it was probably meant."""
    return f"{shown(value)} is none of {listed(known)}.{did_you_mean(value, known)}"


def did_you_mean(value: Any, known: Sequence[str]) -> str:
    """ " Did you mean 'maml'?" if a known name is close to the value; else nothing."""
    if not isinstance(value, str):
        return ""
    folded = {name.casefold(): name for name in reversed(known)}
    close = difflib.get_close_matches(value[:MOST_LETTERS].casefold(), folded, n=1)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""
