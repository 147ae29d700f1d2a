"""Params on their way: what a server does not take of them does not keep the rest from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from metascope._errors import Refused

MOST_NAMED = 20


def send(params: Mapping[str, Any], post: Callable[[Mapping[str, Any]], Any]) -> tuple[Any, str]:
    """Post them, and again without those that the server names as the reason it refused them.

    Returns those left out, and why: both empty where none were. Raises Refused where none is taken.
    """
    sent, why = params, ""
    named: dict[str, Any] = {}
    while True:
        try:
            post(sent)
        except Refused as error:
            fields = {key.removeprefix("params."): said for key, said in error.fields.items()}
            rest = _parted(sent, fields, is_among=False)
            if not rest or rest == sent:
                raise
            sent, named = rest, {**named, **fields}
            why = why if str(error) in why else f"{why} {error}".strip()
        else:
            return _parted(params, named, is_among=True), _sentence(named, why)


def _sentence(named: Mapping[str, Any], why: str) -> str:
    if not named:
        return ""
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return f"{', '.join(list(named)[:MOST_NAMED])}{more}: {why}"


def _parted(
    params: Mapping[str, Any], named: Mapping[str, Any], prefix: str = "", *, is_among: bool
) -> dict[str, Any]:
    """Those among the named ones, which are dotted where they are nested; or the others."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        full = f"{prefix}{key}"
        if full in named or not (isinstance(value, Mapping) and value):
            if (full in named) == is_among:
                found[key] = value
        elif inner := _parted(value, named, f"{full}.", is_among=is_among):
            found[key] = inner
    return found
