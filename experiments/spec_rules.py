"""Evaluates the `x-rules` of a schema that a worker announced: how fields relate to each other.

`x-rules` is a list at the root of the schema. A rule is an object:

- `field`: the dotted path in the spec that is told to be wrong, such as "episodes.shot";
- `message`: the sentence to tell; "{episodes.shot}" stands for the value at that path;
- `when` (optional): {path: [values]}; the rule applies only if every value is among those;
- `unless` (optional): {path: [values]}; the rule does not apply if any value is among those;
- and what must hold, either
  - `allowed`: [values], one of which the value at `field` must be; or
  - `sum`: [paths or numbers], and `at_most`: a path or a number that the sum must not exceed.

A rule that reads a path the spec does not hold does not apply: branches of unions differ.
"""

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator

from experiments.problems import Problems

Json = Any
KEY = "x-rules"
_MOST_RULES = 200
_MOST_SHOWN = 60  # characters of one value in a message
_PLACE = re.compile(r"\{([\w.]+)\}")
_CONDITIONS = {"type": "object", "additionalProperties": {"type": "array"}}
_TERM = {"type": ["string", "number"]}
_VOCABULARY = Draft202012Validator(
    {
        "type": "array",
        "maxItems": _MOST_RULES,
        "items": {
            "type": "object",
            "properties": {
                "field": {"type": "string"},
                "message": {"type": "string", "minLength": 1, "maxLength": 500},
                "when": _CONDITIONS,
                "unless": _CONDITIONS,
                "allowed": {"type": "array", "minItems": 1},
                "sum": {"type": "array", "minItems": 1, "items": _TERM},
                "at_most": _TERM,
            },
            "additionalProperties": False,
            "required": ["field", "message"],
            "oneOf": [{"required": ["allowed"]}, {"required": ["sum"]}],
            "dependentRequired": {"sum": ["at_most"], "at_most": ["sum"]},
        },
    }
)


class MalformedRule(Exception):
    """A rule outside the vocabulary, or one that sums something other than numbers."""


def apply(rules: Json, spec: Json, root: str, problems: Problems) -> None:
    """Adds a problem at `root.field` for each rule that the spec breaks.

    The spec has its defaults written out. Rules that read a path with a problem of its own are
    left out: they would tell the same mistake twice. Raises MalformedRule.
    """
    if error := next(_VOCABULARY.iter_errors(rules), None):
        raise MalformedRule(error.message)
    already_wrong = set(problems.fields)
    for rule in rules:
        paths = {rule["field"], *(t for t in _terms(rule) if isinstance(t, str))}
        if already_wrong.isdisjoint(f"{root}.{path}" for path in paths) and _broken(rule, spec):
            message = _PLACE.sub(lambda place: _shown(spec, place), rule["message"])
            problems.add(f"{root}.{rule['field']}", message)


def fitting(rules: Json, spec: Json, path: str, values: Sequence[str]) -> tuple[str, ...]:
    """Those of `values` that the `allowed` rules take at a path of this spec. All of them if the
    rules are malformed: validation tells that."""
    if not _VOCABULARY.is_valid(rules):
        return tuple(values)
    judges = [rule for rule in rules if rule["field"] == path and "allowed" in rule]
    specs = {value: _with(spec, path, value) for value in values}
    return tuple(
        value for value, held in specs.items() if not any(_broken(rule, held) for rule in judges)
    )


def _with(spec: Json, path: str, value: Json) -> dict[str, Json]:
    """The spec with another value at a path."""
    key, _, rest = path.partition(".")
    return {**spec, key: _with(spec.get(key, {}), rest, value) if rest else value}


def _broken(rule: Mapping[str, Json], spec: Json) -> bool:
    if not all(_at(spec, path) in values for path, values in rule.get("when", {}).items()):
        return False
    if any(_at(spec, path) in values for path, values in rule.get("unless", {}).items()):
        return False
    if "allowed" in rule:
        value = _at(spec, rule["field"])
        return value is not None and value not in rule["allowed"]
    *terms, limit = (_at(spec, term) for term in _terms(rule))
    if None in (*terms, limit):
        return False
    if not all(map(_is_number, (*terms, limit))):
        raise MalformedRule(f"the rule at {rule['field']} sums what is not a finite number")
    return sum(map(Fraction, terms)) > Fraction(limit)  # exact, and no whole number overflows


def _is_number(value: Json) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (isinstance(value, float) and math.isfinite(value))


def _terms(rule: Mapping[str, Json]) -> list[str | int | float]:
    """What a `sum` rule reads, its limit last; nothing for an `allowed` rule."""
    return [*rule["sum"], rule["at_most"]] if "sum" in rule else []


def _at(spec: Json, term: Json) -> Json:
    """The value at a dotted path, None if there is none; a number stands for itself."""
    if not isinstance(term, str):
        return term
    value = spec
    for key in term.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _shown(spec: Json, place: re.Match[str]) -> str:
    return str(_at(spec, place[1]))[:_MOST_SHOWN]
