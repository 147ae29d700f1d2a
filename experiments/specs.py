"""Validates a job's spec against the JSON schema that a worker announced for its algorithm.

Every error is found in one go and named by its dotted path. Schemas are data that came from
workers: nothing here knows what an algorithm is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from experiments import spec_rules
from experiments.errors import Invalid
from experiments.problems import Problems
from experiments.spec_rules import MalformedRule
from experiments.wording import cut, did_you_mean, listed, none_of, shown

Json = Any
_NAMES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def validate(schema: Mapping[str, Json], spec: Json, *, path: str = "spec") -> dict[str, Json]:
    """The spec with every default written out.

    Raises Invalid with all errors in `fields`, keyed by dotted path. Unions are resolved by their
    discriminator first, so that only the branch that was meant complains. Defaults are filled in
    down to nested objects, not inside lists. What relates fields to each other comes from the
    schema's `x-rules` (spec_rules.py).
    """
    problems = Problems()
    _refuse_nonfinite(spec, path, problems)
    problems.check()
    chosen, filled = _complete(schema, spec, path, problems)
    try:
        for error in _errors(chosen, filled):
            for where, message in _translate(error, path):
                problems.add(where, message)
        spec_rules.apply(schema.get(spec_rules.KEY, []), filled, path, problems)
    except (SchemaError, Unresolvable, MalformedRule) as error:
        raise _broken_schema(error) from error
    problems.check()
    assert isinstance(filled, dict)
    return filled


def _errors(schema: Json, value: Json) -> list[ValidationError]:
    """All leaf errors. The empty registry keeps a schema from fetching anything."""
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, registry=Registry())
    return sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))


def _broken_schema(error: Exception) -> Invalid:
    return Invalid(
        "The worker announced a schema that cannot be used: update that worker. "
        f"({type(error).__name__})",
        code="broken_schema",
        fields={"spec.algorithm": ["Its worker announced a broken schema."]},
    )


def _complete(schema: Json, value: Json, path: str, problems: Problems) -> tuple[Json, Json]:
    """The schema with unions replaced by the branch chosen, and the value with defaults."""
    schema = _branch(schema, value, path, problems)
    if not isinstance(schema, Mapping):
        return schema, value
    if schema.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        return schema, int(value)
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not isinstance(value, Mapping):
        return schema, value
    chosen: dict[str, Json] = {}
    filled: dict[str, Json] = {}
    for key, part in properties.items():
        given = value[key] if key in value else _default(part)
        if given is _NOTHING:
            chosen[key] = part
            continue
        chosen[key], filled[key] = _complete(part, given, f"{path}.{key}", problems)
    filled |= {key: value[key] for key in value if key not in properties}
    return {**schema, "properties": chosen}, filled


_NOTHING = object()


def _default(schema: Json) -> Json:
    """What stands for a missing property; nested objects and unions start empty."""
    if not isinstance(schema, Mapping):
        return _NOTHING
    if "default" in schema:
        return schema["default"]
    branches = _branches(schema)
    if branches:
        name, values = _tag(schema, branches[0])
        return {name: values[0]} if values else _NOTHING
    properties = schema.get("properties", {})
    if schema.get("type") == "object" and all(
        "default" in properties.get(name, {}) for name in schema.get("required", ())
    ):
        return {}
    return _NOTHING


def _branches(schema: Mapping[str, Json]) -> Sequence[Json]:
    if not isinstance(schema.get("discriminator"), Mapping):
        return ()
    return schema.get("anyOf") or schema.get("oneOf") or ()


def _tag(schema: Mapping[str, Json], branch: Mapping[str, Json]) -> tuple[str, list[Json]]:
    """The discriminator's name, and the values that stand for this branch."""
    name = schema["discriminator"]["propertyName"]
    tag = branch.get("properties", {}).get(name, {})
    return name, list(tag.get("enum", [tag["const"]] if "const" in tag else []))


def _branch(schema: Json, value: Json, path: str, problems: Problems) -> Json:
    """The branch of a union that the value's discriminator names; True after a problem."""
    branches = _branches(schema) if isinstance(schema, Mapping) else ()
    if not branches:
        return schema
    if not isinstance(value, Mapping):
        problems.add(path, f"Expected an object, got {shown(value)}.")
        return True
    known = {_key(tag): branch for branch in branches for tag in _tag(schema, branch)[1]}
    name = schema["discriminator"]["propertyName"]
    if name not in value:
        problems.add(f"{path}.{name}", f"Missing: choose one of {listed(list(known))}.")
        return True
    if _key(value[name]) not in known:
        problems.add(f"{path}.{name}", none_of(value[name], list(known)))
        return True
    return known[_key(value[name])]


def _key(tag: Json) -> str:
    return tag if isinstance(tag, str) else repr(tag)


def _translate(error: ValidationError, root: str) -> Iterator[tuple[str, str]]:
    """One library error as (dotted path, sentence with the limit and the fix)."""
    path = _dotted(root, error.absolute_path)
    value, limit = error.instance, error.validator_value
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for key in value:
                if key not in known:
                    yield f"{path}.{cut(key)}", _unknown(key, known)
        case "required":
            for key in limit:
                if key not in value:
                    yield f"{path}.{key}", "Missing: it has no default."
        case "enum":
            yield path, none_of(value, [_key(item) for item in limit])
        case _:
            yield path, _message(str(error.validator), value, limit, error.message)


def _message(keyword: str, value: Json, limit: Json, otherwise: str) -> str:
    sent, bound = shown(value), shown(limit)
    match keyword:
        case "type":
            names = [limit] if isinstance(limit, str) else limit
            return f"Expected {' or '.join(_NAMES.get(n, n) for n in names)}, got {sent}."
        case "minimum":
            return f"{sent} is too small: use {bound} or more."
        case "maximum":
            return f"{sent} is too large: use {bound} or less."
        case "exclusiveMinimum":
            return f"{sent} is too small: use more than {bound}."
        case "exclusiveMaximum":
            return f"{sent} is too large: use less than {bound}."
        case "minItems" | "maxItems" | "minLength" | "maxLength":
            unit = "entries" if keyword.endswith("Items") else "characters"
            edge = "least" if keyword.startswith("min") else "most"
            return f"Has {len(value):,} {unit}: use at {edge} {bound}."
        case "multipleOf":
            return f"{sent} is not a multiple of {bound}."
        case _:
            return cut(otherwise, 300)


def _unknown(key: str, known: Sequence[str]) -> str:
    hint = did_you_mean(key, known) or f" Known here: {listed(known)}."
    return f"There is no such setting.{hint}"


def _dotted(root: str, parts: Sequence[str | int]) -> str:
    path = root
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{cut(part)}"
    return path


def _refuse_nonfinite(value: Json, path: str, problems: Problems) -> None:
    """NaN compares false with every limit, so a schema alone would let it through."""
    if isinstance(value, float) and not math.isfinite(value):
        problems.add(path, f"{value} is not a finite number.")
    elif isinstance(value, Mapping):
        for key, part in value.items():
            _refuse_nonfinite(part, f"{path}.{cut(str(key))}", problems)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            _refuse_nonfinite(part, f"{path}[{index}]", problems)
