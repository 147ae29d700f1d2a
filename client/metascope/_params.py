"""Params and results on their way: what a server does not take of them does not keep the rest from
it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from metascope import _secrets
from metascope._errors import Refused

MOST_NAMED = 20
LONGEST_SHOWN = 80
MOST_CHARACTERS = 1024 * 1024  # as JSON, far below the longest record
PARAMS = "params"  # as all of them are named
LONGEST_KEY, LONGEST_PART = 250, 60  # as the server names them
TOO_LARGE = 413
MOST_ALONE = 20  # refused one by one, for reasons that name none; the rest then goes with them
_MOST = re.compile(r"limit of ([\d,]+) values")
Post = Callable[[Mapping[str, Any]], Any]
Leaf = tuple[tuple[str, ...], Any]  # where it is, and its value


def send(given: Mapping[str, Any], post: Post, whole: str = PARAMS) -> tuple[dict[str, Any], str]:
    """Post them, and again without those that the server names as the reason it refused them.
    Where that is none of them, fewer at a time; of more than a run may hold, as many as it may.

    `whole`: how the server names all of them. Returns those left out, and why: both empty where
    none were.
    """
    left: list[Leaf] = []
    whys: list[str] = []
    _send(list(_leaves(given)), post, whole, left, whys)
    if not left:
        return {}, ""
    names = [".".join(path) for path, _ in left]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    why = " ".join(dict.fromkeys(whys))
    return _nested(left), f"{', '.join(names[:MOST_NAMED])}{more}: {why}"


def _send(leaves: list[Leaf], post: Post, whole: str, left: list[Leaf], whys: list[str]) -> None:
    size, taken, alone, is_full = len(leaves), 0, 0, False
    while leaves:
        some = leaves[:size]
        try:
            post(_nested(some))
        except Refused as error:
            whys.append(str(error))
            refused = _named(some, error, whole)
            if any(refused):
                left += itertools.compress(some, refused)
                leaves[:size] = itertools.compress(some, [not one for one in refused])
            elif len(some) == 1 or not _is_of_some(error, whole):
                alone += 1
                ends = is_full or alone > MOST_ALONE or not _is_of_some(error, whole)
                many = len(leaves) if ends else 1
                left += leaves[:many]
                leaves, size = leaves[many:], len(leaves)
            else:
                most = _most_values(error, whole)
                is_full = most is not None
                room = (most or 0) - taken
                size = room if 0 < room < len(some) else (len(some) + 1) // 2
        else:
            taken += len(some)
            leaves = leaves[size:]
            size = (size + 1) // 2 if is_full else 2 * size


def _most_values(error: Refused, whole: str) -> int | None:
    """How many a run may hold, where that is why they were refused."""
    found = _MOST.search(" ".join(map(str, error.fields.get(whole) or ())))
    return int(found[1].replace(",", "")) if found else None


def _is_of_some(error: Refused, whole: str) -> bool:
    """Whether fewer of them may be taken: they are too many, or one is wrong and is not named."""
    is_named = any(key.partition(".")[0] in (whole, "body") for key in error.fields)
    return is_named or error.status == TOO_LARGE or error.code == "malformed_json"


def _named(leaves: list[Leaf], error: Refused, whole: str) -> list[bool]:
    """Which of them the server names, or what they are nested in."""
    keys = {key.removeprefix(f"{whole}.") for key in error.fields} - {whole}
    keys |= {key.partition("[")[0] for key in keys}  # an item of a list
    return [
        any(not keys.isdisjoint(_as_named(path[: depth + 1])) for depth in range(len(path)))
        for path, _ in leaves
    ]


def _as_named(path: tuple[str, ...]) -> tuple[str, str]:
    """A key as the server names it, for what it says, and for what its database cannot keep."""
    short = ".".join(key[:LONGEST_PART] for key in path).replace("\0", "\\0")
    return ".".join(path)[:LONGEST_KEY], short.encode("ascii", "backslashreplace").decode()


def fitting(
    params: Mapping[str, Any], lose: Callable[[str], None], what: str = "param"
) -> dict[str, Any]:
    """Masked; without the longest ones where one record cannot hold them all, each of which is
    told."""
    params = _secrets.params(params)
    sizes = {key: len(json.dumps(value)) + len(key) for key, value in params.items()}
    found = dict(params)
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        if sum(sizes.values()) <= MOST_CHARACTERS:
            break
        lose(f"{what} {key[:LONGEST_SHOWN]!r} is {sizes.pop(key):,} characters long")
        del found[key]
    return found


def _leaves(params: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    for key, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _nested(leaves: list[Leaf]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in leaves:
        inner = found
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
    return found
