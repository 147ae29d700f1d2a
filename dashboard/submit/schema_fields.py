"""A JSON schema as form fields, and what people typed into them as JSON again.

Field names are dotted paths ("spec.outer.lr"): the same that validation errors carry, that the
address may carry to fill a form in, and that the API's body nests.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = Any
Kind = Literal["integer", "number", "boolean", "choice", "list", "map", "text"]
# The text that somebody entered under a field's name; None where nobody did.
Entered = Callable[[str], str | None]

ROOT = "spec"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_LONGEST_NUMBER = 400
_LIMIT_SHOWN = 10_000  # nobody meets larger limits by accident


@dataclass(frozen=True)
class FormField:
    """One leaf of the schema. `base` is the value that "Reset" would bring back, as text."""

    name: str
    title: str
    hint: str
    unit: str
    group: str
    kind: Kind
    value: str
    base: str
    choices: tuple[str, ...] = ()
    item_kind: Kind = "text"  # of a list's entries
    errors: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The name without its root: "outer.lr"."""
        return self.name.removeprefix(f"{ROOT}.")

    @property
    def id(self) -> str:
        """The element's id on the page."""
        return element_id(self.name)

    @property
    def described_by(self) -> str:
        """The ids of the texts that explain the field, an error first."""
        return f"{self.id}-e {self.id}-h" if self.errors else f"{self.id}-h"

    @property
    def is_changed(self) -> bool:
        """The value is not the base's."""
        return self.value != self.base


@dataclass(frozen=True)
class UnionChoice:
    """Which branch of a union is meant: the field named after its discriminator. `offered` are
    those of its options that fit the rest of the spec, and the one that is chosen."""

    name: str
    title: str
    value: str
    options: tuple[str, ...]
    group: str
    offered: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The element's id on the page."""
        return element_id(self.name)

    @property
    def kind(self) -> str:
        """What is chosen, in a word: "kind", "source"."""
        return self.name.rpartition(".")[2]

    @property
    def prefix(self) -> str:
        """How the names of the branch's fields begin: another branch has other fields."""
        return self.name.rpartition(".")[0] + "."


@dataclass(frozen=True)
class SpecFields:
    """All fields of one schema in its order, for the branches chosen."""

    fields: tuple[FormField, ...]
    unions: tuple[UnionChoice, ...]
    fixed: Mapping[str, str]  # discriminators by name, sent along unseen


def spec_fields(
    schema: Mapping[str, Json], base: Mapping[str, Json], entered: Entered
) -> SpecFields:
    """Fields of a schema; values are what was entered, else the base's, else the default."""
    found = list(_walk(schema, ROOT, "", base, entered))
    fields = tuple(one for one in found if isinstance(one, FormField))
    unions = tuple(one for one in found if isinstance(one, UnionChoice))
    return SpecFields(fields, unions, {one.name: one.value for one in unions})


def element_id(name: str) -> str:
    """The id of the element that a field's errors point at: "f-outer-lr" for "spec.outer.lr"."""
    return f"f-{name.removeprefix(f'{ROOT}.').replace('.', '-')}"


def parsed(found: SpecFields) -> dict[str, Json]:
    """The spec that the fields hold. Text that is no number stays text, for validation to name."""
    spec: dict[str, Json] = {}
    for name, value in found.fixed.items():
        _put(spec, name, value)
    for field in found.fields:
        _put(spec, field.name, _value(field))
    return spec


def as_text(value: Json) -> str:
    """A JSON value as it stands in a field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(as_text, value))
    if isinstance(value, Mapping):
        return json.dumps(value)
    return "" if value is None else str(value)


def number(text: str) -> int | float | None:
    """The finite number that a text spells; None for anything else."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


def _walk(
    schema: Mapping[str, Json], name: str, group: str, base: Json, entered: Entered
) -> Iterator[FormField | UnionChoice]:
    branches = schema.get("anyOf") or schema.get("oneOf") or ()
    if branches and "discriminator" in schema:
        tag = schema["discriminator"]["propertyName"]
        choice = _union(schema, branches, f"{name}.{tag}", tag, base, entered)
        yield choice
        branch = next(one for one in branches if choice.value in _tags(one, tag))
        yield from _walk(branch, name, choice.group, _same_branch(base, tag, choice), entered)
    elif schema.get("type") == "object" and "properties" in schema:
        yield from _object(schema, name, group, base, entered)
    elif "type" in schema or "enum" in schema:
        yield _field(schema, name, group, base, entered)


def _object(
    schema: Mapping[str, Json], name: str, group: str, base: Json, entered: Entered
) -> Iterator[FormField | UnionChoice]:
    for key, part in schema.get("properties", {}).items():
        if len(part.get("enum", ())) == 1:  # a tag: known already
            continue
        below = base.get(key) if isinstance(base, Mapping) else None
        title = part.get("title", key) if _is_nested(part) else group
        yield from _walk(part, f"{name}.{key}", title, below, entered)


def _is_nested(schema: Mapping[str, Json]) -> bool:
    return schema.get("type") == "object" or "discriminator" in schema


def _union(
    schema: Mapping[str, Json], branches: Json, name: str, tag: str, base: Json, entered: Entered
) -> UnionChoice:
    options = tuple(value for branch in branches for value in _tags(branch, tag))
    wanted = (entered(name), base.get(tag) if isinstance(base, Mapping) else None)
    value = next((one for one in wanted if one in options), options[0])
    title = str(schema.get("title", tag))
    return UnionChoice(name, title, value, options, title)


def _tags(branch: Mapping[str, Json], tag: str) -> tuple[str, ...]:
    part = branch.get("properties", {}).get(tag, {})
    return tuple(part.get("enum", [part["const"]] if "const" in part else []))


def _same_branch(base: Json, tag: str, choice: UnionChoice) -> Json:
    """The base's values, if they are of the branch chosen: "hidden" of one network is not that of
    another."""
    return base if isinstance(base, Mapping) and base.get(tag) == choice.value else None


def _field(
    schema: Mapping[str, Json], name: str, group: str, base: Json, entered: Entered
) -> FormField:
    kind = _kind(schema)
    start = as_text(schema.get("default") if base is None else base)
    typed = entered(name)
    title = str(schema.get("title") or name.rpartition(".")[2].replace("_", " ").capitalize())
    unit = str(schema.get("unit", ""))
    return FormField(
        name=name,
        title=title,
        hint=_hint(schema),
        unit="" if unit.lower() in title.lower() else unit,
        group=schema.get("x-group") or group,
        kind=kind,
        value=start if typed is None else typed.strip(),
        base=start,
        choices=tuple(map(as_text, schema.get("enum", ()))),
        item_kind=_kind(schema.get("items", {})) if kind == "list" else "text",
    )


def _kind(schema: Mapping[str, Json]) -> Kind:
    if "enum" in schema:
        return "choice"
    kinds: dict[str, Kind] = {
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "array": "list",
        "object": "map",
    }
    return kinds.get(str(schema.get("type")), "text")


def _hint(schema: Mapping[str, Json]) -> str:
    """The description, then the limits."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    limits = ""
    if low is not None and high is not None and high <= _LIMIT_SHOWN:
        limits = (
            f"{'Above ' if 'exclusiveMinimum' in schema else ''}{_short(low)} to {_short(high)}."
        )
    elif schema.get("type") == "array":
        limits = "Separate with commas."
    elif schema.get("type") == "object":
        limits = 'JSON, such as {"width": 64}.'
    return f"{schema.get('description', '')} {limits}".strip()


def _short(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _value(field: FormField) -> Json:
    if field.kind == "list":
        parts = [part.strip() for part in field.value.split(",")]
        return [_scalar(field.item_kind, part) for part in parts] if field.value else []
    return _scalar(field.kind, field.value)


def _scalar(kind: Kind, text: str) -> Json:
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "map":
        return _map(text)
    if kind in ("integer", "number"):
        value = number(text)
        return text if value is None else value
    return text


def _map(text: str) -> Json:
    """The object that JSON text spells; other text stays text, for the schema to refuse."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, Mapping) else text


def _put(spec: dict[str, Json], name: str, value: Json) -> None:
    *folders, leaf = name.removeprefix(f"{ROOT}.").split(".")
    for folder in folders:
        spec = spec.setdefault(folder, {})
    spec[leaf] = value
