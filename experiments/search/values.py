"""Values of comparisons, and what they ask of one column of texts, numbers or times.

Of a comparison these conditions say what it finds; `negated` turns it round where it says NOT.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup, Q
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from experiments.search.fields import Field
from experiments.search.tokens import Token, problem, unquoted

OF_TEXTS = ("~", "LIKE")
_LOOKUPS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_NEGATIONS = {"!=": "=", "!~": "~"}
_LEAST, _MOST = -(2**63), 2**63 - 1
_RELATIVE = re.compile(r"-(?P<count>[0-9]{1,9})(?P<unit>[smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NOTHING = Q(id__in=())

if TYPE_CHECKING:
    TextLookup = Lookup[str]
else:
    TextLookup = Lookup  # generic to the type checker alone


@dataclass(frozen=True)
class Comparison:
    """`sign`: = < <= > >= ~ IN BETWEEN LIKE or IS NULL; `named`: where its field is."""

    target: Field
    sign: str
    values: tuple[Token, ...]
    is_not: bool
    named: Token

    @classmethod
    def of(
        cls, target: Field, sign: str, values: tuple[Token, ...], is_not: bool, named: Token
    ) -> "Comparison":
        """As written: != and !~ are = and ~ turned round."""
        if sign in _NEGATIONS:
            return cls(target, _NEGATIONS[sign], values, True, named)
        return cls(target, sign, values, is_not, named)


class Like(TextLookup):
    """`%` is any text, `_` any letter, a backslash keeps what follows; whatever the case."""

    lookup_name = "like"
    sign = "ILIKE"

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        right, pattern = self.process_rhs(compiler, connection)
        return f"{left} {self.sign} {right} ESCAPE '\\'", (*values, *pattern)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        sql, values = self.as_sql(compiler, connection)
        return sql.replace(f" {self.sign} ", " LIKE "), values


def negated(asked: Comparison, found: Q, has: Q) -> Q:
    """The condition, or where it says NOT, that of what has a value and is not found."""
    return ~found & has if asked.is_not else found


def texts(column: str, asked: Comparison, *, of: str = "texts") -> Q:
    """Of a column of texts."""
    found = [unquoted(value.text) for value in asked.values]
    match asked.sign:
        case "=" | "IN":
            return Q(**{f"{column}__in": found})
        case "~":
            return Q(**{f"{column}__icontains": found[0]})
        case "LIKE":
            if re.search(r"(?<!\\)(?:\\\\)*\\$", found[0]):
                raise problem(asked.values[0], "a pattern must not end with a single backslash.")
            return Q(Like(F(column), found[0]))
    raise problem(
        asked.values[0], f"{asked.sign} needs a number; compare {of} with = != ~ !~ IN or LIKE."
    )


def numbers(column: str, asked: Comparison) -> tuple[Q, Q]:
    """Of a column of floats: what is found, and what has a value."""
    found = [number(value) for value in asked.values]
    return _compared(column, asked, found), Q(**{f"{column}__isnull": False})


def wholes(column: str, asked: Comparison) -> tuple[Q, Q]:
    """Of a column of whole numbers, which fractions and infinities may be compared with."""
    has = Q(**{f"{column}__isnull": False})
    match asked.sign, [_exactly(value) for value in asked.values]:
        case "IS NULL", _:
            return ~has, has
        case "=" | "IN", found:
            whole = [int(one) for one in found if _LEAST <= one <= _MOST and one == int(one)]
            return Q(**{f"{column}__in": whole}), has
        case "BETWEEN", [least, most]:
            return _limited(column, ">=", least) & _limited(column, "<=", most), has
        case sign, [limit] if sign in _LOOKUPS:
            return _limited(column, sign, limit), has
    raise _for_texts(asked)


def _limited(column: str, sign: str, limit: float) -> Q:
    """Rounded so that it holds for the same whole numbers; few are as large as a float may be."""
    if not _LEAST <= limit <= _MOST:
        is_every = (limit > 0) == (sign in ("<", "<="))
        return Q(**{f"{column}__isnull": False}) if is_every else _NOTHING
    rounded = math.ceil(limit) if sign in ("<", ">=") else math.floor(limit)
    return Q(**{f"{column}__{_LOOKUPS[sign]}": rounded})


def times(column: str, asked: Comparison) -> tuple[Q, Q]:
    """Of a column of times. A date is its first moment, in UTC; with = and IN, and as the end of
    BETWEEN, the whole day."""
    has = Q(**{f"{column}__isnull": False})
    spans = [_span(value) for value in asked.values]
    match asked.sign:
        case "IS NULL":
            return ~has, has
        case "=" | "IN":
            found = _NOTHING
            for start, end in spans:
                found |= Q(**{f"{column}__gte": start, f"{column}__lte": end})
            return found, has
        case "BETWEEN":
            (start, _), (_, end) = spans
            return Q(**{f"{column}__gte": start, f"{column}__lte": end}), has
    return _compared(column, asked, [start for start, _ in spans]), has


def _compared(column: str, asked: Comparison, found: list[Any]) -> Q:
    match asked.sign, found:
        case "=" | "IN", _:
            return Q(**{f"{column}__in": found})
        case "BETWEEN", [least, most]:
            return Q(**{f"{column}__gte": least, f"{column}__lte": most})
        case sign, [one] if sign in _LOOKUPS:
            return Q(**{f"{column}__{_LOOKUPS[sign]}": one})
    raise _for_texts(asked)


def _for_texts(asked: Comparison) -> Exception:
    return problem(asked.values[0], f"{asked.sign} is for texts; use = != < <= > >= IN or BETWEEN.")


def is_number(value: Token) -> bool:
    try:
        float(value.text)
    except ValueError:
        return False
    return value.kind == "word"


def number(value: Token) -> float:
    """Raises Problem for what is none."""
    if not is_number(value):
        raise problem(value, f"expected a number, found {value.text!r}.")
    return float(value.text)


def _exactly(value: Token) -> float:
    """A number that is not NaN; whole ones as they are, which floats are not from 2**53 on."""
    found = number(value)
    if math.isnan(found):
        raise problem(value, f"expected a number, found {value.text!r}.")
    try:
        return int(value.text)
    except ValueError:
        return found


def _span(value: Token) -> tuple[datetime, datetime]:
    """The first and last moment of what a time says: the same, but for dates."""
    text = unquoted(value.text)
    try:
        if relative := _RELATIVE.fullmatch(text):
            ago = timedelta(**{_UNITS[relative["unit"]]: int(relative["count"])})
            return timezone.now() - ago, timezone.now() - ago
        moment = datetime.fromisoformat(text)
        start = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        is_day = _DAY.fullmatch(text) is not None
        return start, start + timedelta(days=1, microseconds=-1) if is_day else start
    except (ValueError, OverflowError):
        raise problem(
            value,
            f"expected a time like 2026-11-30, 2026-11-30T18:00 or -7d, found {value.text!r}.",
        ) from None
