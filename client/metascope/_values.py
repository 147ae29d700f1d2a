"""What a caller hands to `log`, made plain: nested keys flattened, scalars as float."""

from __future__ import annotations

import contextlib
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

LONGEST_KEY = 250
DEEPEST = 60  # mappings and lists within each other; servers take 64
TOO_DEEP = "it is nested too deep, or holds itself"
MOST_BITS = 10_000  # of a whole number: Python writes no longer ones
_NOT_IN_KEYS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def flat(data: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of key and value; the parts of nested keys are joined by "/"."""
    for name, value in data.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{key}/")
        else:
            yield key, value


def scalar(value: Any) -> float:
    """Numbers, booleans, and arrays or tensors of one element. Raises TypeError or ValueError."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{type(value).__name__} is not a number")
    if getattr(value, "ndim", 0):  # NumPy makes a float of 0-dimensional arrays alone
        return float(value.item())
    return float(value.detach() if needs_detaching(value) else value)


def whole(step: Any) -> int:
    """A step as an integer, never another number than was meant: 7, 7.0, and NumPy's and torch's
    integers. Raises ValueError for 1.5, texts, NaN and whatever else is none."""
    try:
        return operator.index(step)
    except (TypeError, RuntimeError):  # torch raises the second for a float
        with contextlib.suppress(TypeError, ValueError, OverflowError, RuntimeError):
            if not isinstance(step, (str, bytes)) and int(step) == step:
                return int(step)
    raise ValueError(
        f"step {str(step)[:40]!r} is not a whole number: use int(step), or round(step)"
    )


def needs_detaching(value: Any) -> bool:
    """True for a torch tensor that would warn when it is made a float."""
    return getattr(value, "requires_grad", False) is True


def problem_of(key: str) -> str | None:
    """Why this key cannot name a metric; None for a good one."""
    if not key.strip() or len(key) > LONGEST_KEY:
        return f"keys have 1 to {LONGEST_KEY} characters"
    if _NOT_IN_KEYS.search(key):
        return "keys have no control characters"
    return None


def plain(value: Any, depth: int = 0) -> Any:
    """A param or summary value as JSON takes it: what JSON lacks becomes its text. Raises
    ValueError for what is nested too deep, and whatever making a text of it raises."""
    if depth > DEEPEST:
        raise ValueError(TOO_DEEP)
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ValueError("it has too many digits")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else repr(value)
    if isinstance(value, Mapping):
        return {str(name): plain(one, depth + 1) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, depth + 1) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one, depth + 1) for one in value), key=str)
    try:
        return plain(value.item(), depth + 1)  # NumPy and torch scalars
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return str(value)


def plain_items(
    given: Mapping[Any, Any], lose: Callable[[str], None], above: str = "",
    inside: tuple[int, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """A mapping as `plain` makes it, without the values that it cannot: each of these is told, by
    its key."""
    found: dict[str, Any] = {}
    inside = (*inside, id(given))
    for name, value in given.items():
        key = f"{above}{shown(name)}"
        try:
            if not isinstance(value, Mapping):
                found[str(name)] = plain(value, len(inside))
            elif id(value) in inside or len(inside) > DEEPEST:
                raise ValueError(TOO_DEEP)
            else:
                found[str(name)] = plain_items(value, lose, f"{key}.", inside)
        except Exception as error:  # a value's own text may raise anything
            lose(f"{key[:LONGEST_KEY]}: {shown(error)}")
    return found


def shown(value: Any) -> str:
    """Its text in a message, whatever becomes of making it."""
    try:
        return str(value)
    except Exception:  # it is the script's own, and this is no time to raise
        return type(value).__name__
