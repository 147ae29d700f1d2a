"""Serializers that read JSON strictly: no guessing between types, no unknown keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from experiments.models import Role


class Text(serializers.CharField):
    """A JSON string; numbers are not turned into text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError(f"Expected text, got {type_name(data)}.")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON whole number; text, true and fractions are not turned into one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        if type(data) is not int:
            raise serializers.ValidationError(f"Expected a whole number, got {type_name(data)}.")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false; texts and numbers are not turned into one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError(f"Expected true or false, got {type_name(data)}.")
        return data


class Moment(serializers.DateTimeField):
    """A time as ISO 8601 has it; without an offset, UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            raise serializers.ValidationError(f"Expected text, got {type_name(value)}.")
        return super().to_internal_value(value)


class Object(serializers.DictField):
    """A free JSON object."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"child": serializers.JSONField(), **options})

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(f"Expected an object, got {type_name(data)}.")
        return data


class TextsByName(serializers.DictField):
    """A JSON object of strings; with `removable`, of strings and nulls."""

    def __init__(self, *, removable: bool = False, **options: Any) -> None:
        child = Text(allow_blank=True, allow_null=removable)
        super().__init__(**{"child": child, **options})

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(f"Expected an object, got {type_name(data)}.")
        found: dict[str, Any] = super().to_internal_value(data)
        return found


class Texts(serializers.ListField):
    """A list of JSON strings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"child": Text(allow_blank=True), **options})


class Choice(serializers.ChoiceField):
    """One of a few strings; whatever else is sent is answered with all of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["null"] = self._sentence("null")

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError(self._sentence(type_name(data)))
        if data not in self.choices:
            raise serializers.ValidationError(self._sentence(f"{data[:60]!r}"))
        return data

    def _sentence(self, got: str) -> str:
        return f"Use one of {', '.join(self.choices)}; got {got}."


class RoleField(Choice):
    """viewer, member or admin."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"choices": Role.choices, **options})

    def to_internal_value(self, data: Any) -> Role:
        return Role(super().to_internal_value(data))


class Input(serializers.Serializer[Any]):
    """A request body. Keys that it does not know are refused, each by its name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (
            unknown := [key for key in data if key not in self.fields]
        ):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {key[:60]: [f"Is not known here; known are {known}."] for key in unknown[:20]}
            )
        return super().to_internal_value(data)


class Output(serializers.Serializer[Any]):
    """An answer."""


def type_name(value: Any) -> str:
    """What JSON calls the type of a parsed value."""
    names = {str: "text", bool: "true or false", dict: "an object", list: "a list"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")
