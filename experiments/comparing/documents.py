"""Nested documents of several runs as rows of cells: which leaves differ, and by how much."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class _Missing:
    """The value of a leaf that a document does not have."""


MISSING = _Missing()
UNRECORDED = _Missing()  # no document at all


@dataclass(frozen=True)
class Cell:
    """One run's value. `ratio` is value / baseline's for two numbers that differ and are not 0."""

    text: str
    is_missing: bool
    differs: bool  # from the baseline's
    ratio: float | None


@dataclass(frozen=True)
class Row:
    """One leaf under its dotted key: its section (the path above it), and a cell per run."""

    key: str
    section: str
    name: str
    cells: tuple[Cell, ...]
    differs: bool  # any two runs have different values


def rows(documents: Sequence[Mapping[str, Any] | None], *, baseline: int = 0) -> list[Row]:
    """Every leaf that any document has; sections and keys in the order first met.

    Lists are leaves. Leaves at the top form the section "", which comes first. A document that is
    None was never recorded: its cells are missing and differ from nothing.
    """
    flat = [None if document is None else dict(leaves(document)) for document in documents]
    keys = dict.fromkeys(key for one in flat if one for key in one)
    sections = {name: i for i, name in enumerate(dict.fromkeys(["", *map(_section, keys)]))}
    ordered = sorted(keys, key=lambda key: sections[_section(key)])
    return [
        _row(key, [UNRECORDED if one is None else one.get(key, MISSING) for one in flat], baseline)
        for key in ordered
    ]


def leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a nested document under dotted keys; an empty object is a leaf."""
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def same(first: Any, second: Any) -> bool:
    """Equality that knows numbers: 1 is 1.0, "1e-3" is 0.001, NaN is NaN; True is not 1."""
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    number, other = as_number(first), as_number(second)
    if number is not None and other is not None:
        return number == other or (_is_nan(number) and _is_nan(other))
    return type(first) is type(second) and bool(first == second)


def as_number(value: Any) -> int | float | None:
    """The number that a value is or spells; None for booleans and other text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or "_" in value:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None


def shown(value: Any) -> str:
    """A value as people read it: text bare, everything else as JSON."""
    if isinstance(value, _Missing):
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_nan(number: int | float) -> bool:
    return isinstance(number, float) and math.isnan(number)


def _section(key: str) -> str:
    return key.rpartition(".")[0]


def _row(key: str, values: list[Any], baseline: int) -> Row:
    if _are_identical(values):  # most rows are; their runs share one cell
        cell = Cell(shown(values[0]), isinstance(values[0], _Missing), False, None)
        name = key.rpartition(".")[2]
        return Row(key, _section(key), name, (cell,) * len(values), False)
    recorded = [value for value in values if value is not UNRECORDED]
    reference = values[baseline]
    cells = tuple(
        Cell(
            text=shown(value),
            is_missing=isinstance(value, _Missing),
            differs=not _same_cell(value, reference),
            ratio=_ratio(value, reference),
        )
        for value in values
    )
    return Row(
        key=key,
        section=_section(key),
        name=key.rpartition(".")[2],
        cells=cells,
        differs=any(not _same_cell(value, recorded[0]) for value in recorded),
    )


def _are_identical(values: list[Any]) -> bool:
    """Whether all are one text, number or truth value, written in one way too; 0.0 is not -0.0."""
    first = values[0]
    if type(first) not in (str, int, bool, float) or first == 0.0 and type(first) is float:
        return False
    return all(type(value) is type(first) and value == first for value in values)


def _same_cell(value: Any, reference: Any) -> bool:
    if value is UNRECORDED or reference is UNRECORDED:
        return True
    if isinstance(value, _Missing) or isinstance(reference, _Missing):
        return value is reference
    return same(value, reference)


def _ratio(value: Any, reference: Any) -> float | None:
    number, base = as_number(value), as_number(reference)
    if not number or not base or number == base:
        return None
    try:
        ratio = number / base
    except OverflowError:
        return None
    return ratio if math.isfinite(ratio) else None
