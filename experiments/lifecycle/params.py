"""Params: nested as sent, and flat as rows that the run table filters and sorts by."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from experiments.models import Param, ParamsHash
from experiments.params_hash import hash_of
from experiments.problems import Problems, unprintable

MOST_PARAMS = 5_000  # leaves of one run
DEEPEST = 16
LONGEST_KEY = 250  # of the dotted key
LONGEST_VALUE = 20_000  # characters of one value as JSON
INDEXED = 500  # characters of a value that its row keeps
_PARAM, _HASH = (model._meta.db_table for model in (Param, ParamsHash))
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Leaf:
    """One value under its dotted key; `number` is set when the value is a finite number."""

    key: str
    text: str
    number: float | None


def flatten(params: Mapping[str, Any], *, path: str = "params") -> list[Leaf]:
    """The leaves of nested params; lists and empty objects are leaves.

    Raises Invalid naming every leaf past a limit.
    """
    problems = Problems()
    leaves: dict[str, Leaf] = {}
    for key, value, depth in _walk(params, "", 1):
        where = f"{path}.{key[:LONGEST_KEY]}"
        if depth > DEEPEST:
            problems.add(where, f"Is nested {depth} deep; the limit is {DEEPEST}.")
        elif len(key) > LONGEST_KEY:
            problems.add(where, f"The key is longer than the limit of {LONGEST_KEY} characters.")
        elif unprintable(key) or not all(key.split(".")):
            problems.add(where, "Use printable keys without empty parts.")
        elif key in leaves:
            problems.add(where, "Is given twice: nested, and with a dot in a key.")
        else:
            leaves[key] = _leaf(key, value, where, problems)
        if len(leaves) > MOST_PARAMS:
            problems.add(path, f"Holds more than the limit of {MOST_PARAMS:,} values.")
            break
    problems.check()
    return list(leaves.values())


def _walk(params: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    for key, value in params.items():
        full = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and depth <= DEEPEST:
            yield from _walk(value, f"{full}.", depth + 1)
        else:
            yield full, value, depth


def _leaf(key: str, value: Any, where: str, problems: Problems) -> Leaf:
    text = text_of(value)
    if len(text) > LONGEST_VALUE:
        problems.add(where, f"Is {len(text):,} characters long; the limit is {LONGEST_VALUE:,}.")
    if "\0" in text:
        problems.add(where, "Holds a NUL character, which cannot be stored.")
    number = float(value) if type(value) in (int, float) else None
    finite = number if number is not None and math.isfinite(number) else None
    return Leaf(key=key, text=text[:INDEXED], number=finite)


def text_of(value: Any) -> str:
    """A param's value as text: a string as it is, else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def leaf_of_text(key: str, text: str) -> Leaf:
    """A leaf of a client that sends all values as text; its number if the text is one in JSON."""
    number = float(text) if len(text) <= INDEXED and _NUMBER.fullmatch(text) else math.nan
    return Leaf(key, text[:INDEXED], number if math.isfinite(number) else None)


def texts(params: Mapping[str, Any]) -> dict[str, str]:
    """The text of every leaf, whole, under its dotted key."""
    return {key: text_of(value) for key, value, _ in _walk(params, "", 1)}


def write(run_id: str, project_id: int, new: Sequence[Leaf]) -> None:
    """Stores leaves of a run that have no row yet; belongs into the caller's transaction.

    Written out: wording it through the ORM takes longer than all else that a single call does.
    """
    if not new:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {_PARAM} (run_id, project_id, key, text, number) "
            "VALUES (%s, %s, %s, %s, %s)",
            [(run_id, project_id, leaf.key, leaf.text, leaf.number) for leaf in new],
        )
        cursor.execute(  # SQLite has no XOR
            f"INSERT INTO {_HASH} AS known (run_id, project_id, value) VALUES (%s, %s, %s) "
            "ON CONFLICT (run_id) DO UPDATE SET "
            "value = (known.value | excluded.value) - (known.value & excluded.value)",
            [run_id, project_id, hash_of((leaf.key, leaf.text) for leaf in new)],
        )


def reshaped(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys that are one value in `old` and an object in `new`, or the reverse: laid over
    it, `new` would take a value away."""
    for key in old.keys() & new.keys():
        before, value = old[key], new[key]
        if isinstance(before, Mapping) and isinstance(value, Mapping) and before:
            yield from reshaped(before, value, f"{prefix}{key}.")
        elif (isinstance(before, Mapping) and before) or (isinstance(value, Mapping) and value):
            yield f"{prefix}{key}"


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`new` laid over `old`, objects merged key by key."""
    merged = dict(old)
    for key, value in new.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(before, value)
        else:
            merged[key] = value
    return merged
