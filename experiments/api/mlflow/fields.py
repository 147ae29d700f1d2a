"""What a request carries, read by MLflow's rules: null is absent, whole numbers may be text."""

import math
import re
from collections.abc import Mapping
from typing import Any

from experiments.api.fields import type_name
from experiments.errors import Invalid
from experiments.mlflow.words import invalid

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LEAST, _MOST = -(2**63), 2**63 - 1


class Fields:
    """An object of a request. Every getter raises Invalid with the field's name."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A text; `default` if it is absent."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._ill_typed(name, value, "text")
        return value

    def word(self, name: str) -> str:
        """A text, or a number as one: words of a fixed list go by their numbers too."""
        value = self._values.get(name)
        return str(value) if type(value) is int else self.text(name)

    def needed(self, name: str) -> str:
        """A text that must be there and not be empty."""
        if found := self.text(name):
            return found
        raise self._missing(name)

    def whole(self, name: str) -> int | None:
        """A whole number of 64 bits, as a number or as text."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)
        if type(value) is not int or not _LEAST <= value <= _MOST:
            raise self._ill_typed(name, value, "a whole number of 64 bits")
        return value

    def needed_whole(self, name: str) -> int:
        """The same, but it must be there."""
        value = self.whole(name)
        if value is None:
            raise self._missing(name)
        return value

    def number(self, name: str) -> float:
        """A number, "NaN", "Infinity" or "-Infinity"; it must be there."""
        value = self._values.get(name)
        if value is None:
            raise self._missing(name)
        if isinstance(value, str):
            return self._number_of_text(name, value)
        if type(value) not in (int, float):
            raise self._ill_typed(name, value, "a number")
        return float(value)

    def _number_of_text(self, name: str, text: str) -> float:
        if text in _NAMED:
            return _NAMED[text]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._ill_typed(name, text, 'a number, "NaN", "Infinity" or "-Infinity"')
        return value

    def flag(self, name: str) -> bool:
        """True or false, as such or as text; absent is false."""
        value = self._values.get(name)
        known = {None: False, "false": False, "true": True, False: False, True: True}
        if not isinstance(value, bool | str | None) or value not in known:
            raise self._ill_typed(name, value, "true or false")
        return known[value]

    def texts(self, name: str) -> list[str]:
        """A list of texts; of an address, one text is a list too."""
        value = self._values.get(name)
        if value is None:
            return []
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self._ill_typed(name, value, "a list of texts")
        return found

    def parts(self, name: str) -> "list[Fields]":
        """A list of objects."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._ill_typed(name, value, "a list of objects")
        return [Fields(one, f"{self._named(name)}[{n}].") for n, one in enumerate(value)]

    def part(self, name: str) -> "Fields":
        """An object; empty if it is absent."""
        value = self._values.get(name)
        if not isinstance(value, dict | None):
            raise self._ill_typed(name, value, "an object")
        return Fields(value or {}, f"{self._named(name)}.")

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """A list of {key, value}, in the order sent."""
        return [(one.needed("key"), one.text("value")) for one in self.parts(name)]

    def _named(self, name: str) -> str:
        return f"{self._path}{name}"

    def _missing(self, name: str) -> Invalid:
        return invalid(self._named(name), "is missing: it is required.")

    def _ill_typed(self, name: str, value: Any, wanted: str) -> Invalid:
        shown = f"{value[:60]!r}" if isinstance(value, str) else type_name(value)
        return invalid(self._named(name), f"is {shown}: use {wanted}.")
