"""Comparisons of texts and numbers as conditions of a query; patterns mind the case, or do not."""

import operator
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup, Q
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from experiments.mlflow.filters import Comparison

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge, "<": operator.lt,
    "<=": operator.le,
}  # fmt: skip
_LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "exact"}


if TYPE_CHECKING:
    TextLookup = Lookup[str]
else:
    TextLookup = Lookup  # generic to the type checker alone


class Like(TextLookup):
    """`%` is any text, `_` any letter, case matters, nothing is escaped."""

    lookup_name = "mlflow_like"
    _operator = "LIKE"

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        left, values = self.process_lhs(compiler, connection)
        _, pattern = self.process_rhs(compiler, connection)
        return f"{left} {self._operator} %s ESCAPE ''", (*values, *pattern)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        left, values = self.process_lhs(compiler, connection)
        _, pattern = self.process_rhs(compiler, connection)
        return f"{left} {self._on_sqlite} %s", (
            *values,
            *(self._translated(str(one)) for one in pattern),
        )

    _on_sqlite = "GLOB"  # its LIKE knows no case

    @staticmethod
    def _translated(pattern: str) -> str:
        special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
        return "".join(special.get(letter, letter) for letter in pattern)


class ILike(Like):
    """The same, whatever the case."""

    lookup_name = "mlflow_ilike"
    _operator = "ILIKE"
    _on_sqlite = "LIKE"

    @staticmethod
    def _translated(pattern: str) -> str:
        return pattern


def of_text(column: str | Combinable, comparison: Comparison) -> Q:
    """The condition on a column of text; whoever calls has checked the sign."""
    expression = F(column) if isinstance(column, str) else column
    match comparison.sign:
        case "LIKE":
            return Q(Like(expression, comparison.text()))
        case "ILIKE":
            return Q(ILike(expression, comparison.text()))
        case "IN" | "NOT IN" as sign:
            found = Q(**{f"{column}__in": comparison.texts()})
            return found if sign == "IN" else ~found
        case sign:
            equal = Q(**{f"{column}": comparison.text()})
            return equal if sign == "=" else ~equal


def matches(word: str, comparison: Comparison) -> bool:
    """Whether a word of ours that is at hand compares so."""
    wanted = comparison.text()
    match comparison.sign:
        case "=":
            return word == wanted
        case "!=":
            return word != wanted
    letters = {"%": ".*", "_": "."}
    pattern = "".join(letters.get(letter, re.escape(letter)) for letter in wanted)
    case = re.IGNORECASE if comparison.sign == "ILIKE" else re.NOFLAG
    return re.fullmatch(pattern, word, case) is not None


def of_number(column: str, comparison: Comparison, value: Any) -> Q:
    """The condition on a column of numbers or times."""
    if comparison.sign == "!=":
        return ~Q(**{column: value}) & Q(**{f"{column}__isnull": False})
    return Q(**{f"{column}__{_LOOKUPS[comparison.sign]}": value})


def holds(left: float, comparison: Comparison) -> bool:
    """Whether a number that is at hand compares so."""
    return _COMPARE[comparison.sign](left, comparison.number())


def of_metric(comparison: Comparison) -> Q:
    """The condition on rows with `last` and `last_is`: NaN satisfies nothing but !=, and infinities
    compare as the numbers that MLflow's databases keep for them."""
    condition = of_number("last", comparison, comparison.number())
    for name, value in (("inf", sys.float_info.max), ("-inf", -sys.float_info.max)):
        if holds(value, comparison):
            condition |= Q(last_is=name)
    return condition | Q(last_is="nan") if comparison.sign == "!=" else condition
