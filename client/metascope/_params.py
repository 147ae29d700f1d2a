"""Params on their way: what a server does not take of them does not keep the rest from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from metascope import _secrets
from metascope._errors import Refused

MOST_NAMED = 20
LONGEST_SHOWN = 80
MOST_CHARACTERS = 1024 * 1024  # as JSON, far below the longest record
WHOLE = "params"  # as all of them are named
LONGEST_KEY = 250  # as the server names them
Post = Callable[[Mapping[str, Any]], Any]
Leaf = tuple[tuple[str, ...], Any]  # where it is, and its value


def send(params: Mapping[str, Any], post: Post) -> tuple[dict[str, Any], str]:
    """Post them, and again without those that the server names as the reason it refused them.
    Where it names none (they are too many), half of them at a time.

    Returns those left out, and why: both empty where none were.
    """
    left: list[Leaf] = []
    whys: list[str] = []
    _send(list(_leaves(params)), post, left, whys)
    if not left:
        return {}, ""
    names = [".".join(path) for path, _ in left]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    why = " ".join(dict.fromkeys(whys))
    return _nested(left), f"{', '.join(names[:MOST_NAMED])}{more}: {why}"


def _send(leaves: list[Leaf], post: Post, left: list[Leaf], whys: list[str]) -> None:
    while leaves:
        try:
            post(_nested(leaves))
            return
        except Refused as error:
            named = {key.removeprefix("params.") for key in error.fields}
            whys.append(str(error))
        refused = [_is_among(path, named) for path, _ in leaves]
        if not any(refused) and WHOLE in named and len(leaves) > 1:
            middle = len(leaves) // 2
            _send(leaves[:middle], post, left, whys)
            leaves = leaves[middle:]
            continue
        if not any(refused):
            refused = [True] * len(leaves)
        left += [one for one, is_refused in zip(leaves, refused, strict=True) if is_refused]
        leaves = [one for one, is_refused in zip(leaves, refused, strict=True) if not is_refused]


def _is_among(path: tuple[str, ...], named: set[str]) -> bool:
    """Whether it is named, or what it is nested in."""
    return any(".".join(path[:depth])[:LONGEST_KEY] in named for depth in range(1, len(path) + 1))


def fitting(params: Mapping[str, Any], lose: Callable[[str], None]) -> dict[str, Any]:
    """Masked; without the longest ones where one record cannot hold them all, each of which is
    told."""
    params = _secrets.params(params)
    sizes = {key: len(json.dumps(value)) + len(key) for key, value in params.items()}
    found = dict(params)
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        if sum(sizes.values()) <= MOST_CHARACTERS:
            break
        lose(f"param {key[:LONGEST_SHOWN]!r} is {sizes.pop(key):,} characters long")
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
