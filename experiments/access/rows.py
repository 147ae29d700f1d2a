"""Instances from rows of a statement written out: for what every request reads."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)
_Convert = Callable[[Any, Any, Any], Any]


def columns(model: type[Model], table: str) -> str:
    """All columns of a model, as `instance` takes them; `table` is its name in the statement."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def width(model: type[Model]) -> int:
    """How many columns these are."""
    return len(model._meta.concrete_fields)


def instance(model: type[M], row: Sequence[Any]) -> M:
    """What the ORM would make of the row."""
    names, converters = _fields(model, connection.vendor)
    values = list(row)
    for place, convert, column in converters:
        values[place] = convert(values[place], column, connection)
    return model.from_db(connection.alias, names, values)


@cache
def _fields(model: type[Model], vendor: str) -> tuple[list[str], list[tuple[int, _Convert, Any]]]:
    """The names of its fields, and what turns columns of this database into their values."""
    fields = model._meta.concrete_fields
    return [field.attname for field in fields], list(_converters(model))


def _converters(model: type[Model]) -> Iterator[tuple[int, _Convert, Any]]:
    for place, field in enumerate(model._meta.concrete_fields):
        column = field.get_col(model._meta.db_table)
        for convert in (
            *connection.ops.get_db_converters(column),
            *column.get_db_converters(connection),
        ):
            yield place, convert, column
