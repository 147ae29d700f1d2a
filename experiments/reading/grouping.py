"""Which of very many runs are alike: in some fields, or in everything but the seed.

A run has a number for what it holds in a field, so that runs are alike where numbers are. Params
are read value by value, each with the ids of its runs (`id_arrays.read_valued`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from experiments import search
from experiments.errors import Invalid
from experiments.models import Param, ParamsHash, Project, Run, RunTag
from experiments.reading import id_arrays
from experiments.reading.id_arrays import Ids, Valued

SEEDLESS = "seedless"
MOST_FIELDS = 5
FEW = 2_000  # so few runs are asked for by their ids, without a walk along the whole project
ATTRIBUTES = {
    "status": "status",
    "group": "group",
    "seed": "seed",
    "name": "name",
    "user": "created_by__username",
    "parent": "parent_id",
}
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
LONGEST_NUMBER = 15  # characters: of more digits, different ones could be one as a float
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Held:
    """What each of some runs holds in a field: a place among `texts`; -1: nothing."""

    codes: Codes
    texts: list[str]


def fields_of(names: Sequence[str]) -> tuple[search.Field, ...]:
    """The fields to group by, of names like "params.lr", "tags.dataset" and "group"; none of
    them for "seedless". Raises Invalid."""
    names = list(dict.fromkeys(names))
    if names == [SEEDLESS]:
        return ()
    if not 1 <= len(names) <= MOST_FIELDS:
        raise _bad_field(f"Name 1 to {MOST_FIELDS} fields, or {SEEDLESS} alone.")
    return tuple(map(_field, names))


def _field(name: str) -> search.Field:
    field = search.field(name)
    if field.kind in ("params", "tags") or field.key in ATTRIBUTES and field.kind == "attribute":
        return field
    known = f"use {', '.join(ATTRIBUTES)}, params.KEY, tags.KEY, or {SEEDLESS} alone"
    raise _bad_field(f"Runs are not grouped by {name[:100]!r}; {known}.")


def held(project: Project, field: search.Field, runs: Ids) -> Held:
    """What these runs hold in a field. Numbers that are equal are one, however written; the
    shortest way of writing stands for it."""
    match field.kind:
        case "params":
            rows: QuerySet[Any, Any] = Param.objects.filter(key=field.key)
            found = _valued(rows, project, "text", "run_id", runs)
        case "tags":
            rows = RunTag.objects.filter(name=field.key)
            found = _valued(rows, project, "text", "run_id", runs)
        case _:
            column = ATTRIBUTES[field.key]
            found = _valued(Run.objects.all(), project, column, "pk", runs)
    return _merged(found, runs)


def check_grouped(names: Sequence[str]) -> None:
    """Raises Invalid where runs are not grouped by these fields."""
    fields_of(names)


def held_in(
    project: Project, names: Sequence[str], run_ids: Sequence[str]
) -> dict[str, tuple[str | None, ...]]:
    """What each of these runs of the project holds in the fields, in their order; None: nothing.
    Numbers that are equal are one text."""
    runs = np.array(sorted(run_ids), dtype=id_arrays.NONE.dtype)
    columns = []
    for field in fields_of(names):
        found = held(project, field, runs)
        columns.append([found.texts[code] if code >= 0 else None for code in found.codes.tolist()])
    rows = zip(*columns, strict=True) if columns else iter([()] * len(runs))
    return dict(zip(runs.astype(str).tolist(), rows, strict=True))


def alike(project: Project, fields: Sequence[search.Field], runs: Ids) -> tuple[Codes, list[Held]]:
    """The number of each run's group, from 0, and what the runs hold in each of the fields.

    Without fields the runs of a group have the same code and the same params but the seed.
    """
    if not fields:
        return _seedless(project, runs), []
    found = [held(project, field, runs) for field in fields]
    codes = found[0].codes
    for one in found[1:]:
        codes = _numbered(codes) * (len(one.texts) + 1) + one.codes + 1
    return _numbered(codes), found


def _numbered(codes: Codes) -> Codes:
    numbers: Codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return numbers


def _seedless(project: Project, runs: Ids) -> Codes:
    """The number of what each run holds apart from the seed: its params as one hash, its code."""
    rows = _among(ParamsHash.objects.all(), project, "run_id", runs)
    hashes, ids = id_arrays.read_integers(rows, "value", "run_id")
    codes = np.zeros(len(runs), np.int64)  # of runs without params
    here = id_arrays.places(ids, runs)
    codes[here[here >= 0]] = hashes[here >= 0]
    with_code = Run.objects.filter(snapshot__isnull=False)
    code = _merged(_valued(with_code, project, "snapshot_id", "pk", runs), runs)
    return _numbered(_numbered(codes) * (len(code.texts) + 1) + code.codes + 1)


def _valued(
    rows: QuerySet[Any, Any], project: Project, value: str, column: str, runs: Ids
) -> Valued:
    return id_arrays.read_valued(_among(rows, project, column, runs), (value,), column)


def _among(
    rows: QuerySet[Any, Any], project: Project, column: str, runs: Ids
) -> QuerySet[Any, Any]:
    """Rows of these runs, and of others where they are many."""
    if len(runs) <= FEW:
        return rows.filter(**{f"{column}__in": runs.astype(str).tolist()})
    return rows.filter(project=project)


def _merged(found: Valued, runs: Ids) -> Held:
    places: dict[str | float, int] = {}
    of_value: list[int] = []
    texts: list[str] = []
    for (value,) in found.values:
        if value is None:
            of_value.append(-1)
            continue
        text = str(value)
        same = _alike(text)
        place = places.setdefault(same, len(texts))
        if place == len(texts):
            texts.append(text)
        elif (len(text), text) < (len(texts[place]), texts[place]):
            texts[place] = text
        of_value.append(place)
    codes = np.full(len(runs), -1, np.int64)
    here = id_arrays.places(found.ids, runs)
    is_here = here >= 0
    codes[here[is_here]] = np.repeat(np.array(of_value, np.int64), found.counts)[is_here]
    return Held(codes, texts)


def _alike(text: str) -> str | float:
    """What is the same for numbers that are equal; other texts, and very long numbers, are
    themselves."""
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return text
    return float(text)


def _bad_field(message: str) -> Invalid:
    return Invalid(f"by: {message}", fields={"by": [message]})
