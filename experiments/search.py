"""The filter language of run tables: text in, a condition on runs out.

    status = failed AND params.lr < 0.01
    (tags = baseline OR name ~ "maml") AND metrics.test/loss(min) <= 0.2
    status IN (failed, crashed) AND NOT created < 2026-11-01

    parent IS NULL AND params.dropout IS NOT NULL

Fields are allow-listed; keys and values only ever become parameters of a query. A comparison with
something a run lacks is false, also with !=; IS NULL finds the runs that lack it. `~` means
"contains", whatever the case.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

from django.db.models import Q, QuerySet

from experiments import floats
from experiments.errors import Invalid
from experiments.models import Param, Project, RunStatus, RunTag, Series

LONGEST = 2_000
DEEPEST = 20
TEXT_FIELDS = {"id": "id", "name": "name", "group": "group"}
NUMBER_FIELDS = {"seed": "seed", "number": "number"}
TIME_FIELDS = {"created": "created_at", "started": "started_at", "finished": "finished_at"}
SUMMARIES = {"last": "last", "min": "least", "max": "most"}
KNOWN = (
    "status, id, name, group, parent, seed, number, created, started, finished, tags, params.KEY, "
    "metrics.KEY"
)
_LOOKUPS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "=": "exact"}

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<operator><=|>=|!=|=|<|>|~)
    |(?P<mark>[(),])
    |(?P<word>(?:[^\s"'()<>=!~,]|(?<=\.)"(?:[^"\\]|\\.)*")+))""",
    re.VERBOSE,
)
_FIELD = re.compile(r"(?P<kind>params|metrics)\.(?P<key>.+)", re.DOTALL)


@dataclass(frozen=True)
class Field:
    """What is compared or sorted by: an attribute, or a param or metric by its key."""

    kind: str  # "attribute", "params", "metrics"
    key: str
    summary: str = "last"  # of a metric: last, min, max


@dataclass(frozen=True)
class _Token:
    kind: str  # string, operator, mark, word, end
    text: str
    position: int  # from 1


def parse(text: str, *, project: Project | None = None) -> Q:
    """The condition on `Run` rows. Blank text is every run.

    `project`: the one whose runs are searched, when it is one; its indexes are used then.
    Raises Invalid with the place of the error.
    """
    if len(text) > LONGEST:
        raise Invalid(f"filter: use at most {LONGEST} characters.", fields={"filter": ["too long"]})
    if not text.strip():
        return Q()
    return _Parser(_tokens(text), project).whole()


def field(text: str) -> Field:
    """A field by its name, as for sorting: "created", "params.lr", "metrics.loss(min)"."""
    name, summary = text, "last"
    found = re.fullmatch(r"(?P<name>metrics\..+)\((?P<summary>last|min|max)\)", text, re.DOTALL)
    if found:
        name, summary = found["name"], found["summary"]
    keyed = _FIELD.fullmatch(name)
    if keyed:
        return Field(keyed["kind"], _unquoted(keyed["key"]), summary)
    return Field("attribute", name)


def _tokens(text: str) -> list[_Token]:
    tokens = []
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise _error(start + 1, f"{text[start]!r} is not understood here; is a quote missing?")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind], found.start(kind) + 1))
        place = found.end()
    return [*tokens, _Token("end", "the end", len(text) + 1)]


def _error(position: int, message: str) -> Invalid:
    sentence = f"At character {position}: {message}"
    return Invalid(f"filter: {sentence}", code="invalid_filter", fields={"filter": [sentence]})


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


class _Parser:
    """any: all OR all ...; all: one AND one ...; one: NOT one, (any), field op value."""

    def __init__(self, tokens: Sequence[_Token], project: Project | None) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0
        self.project = project

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.token
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def skip(self, word: str) -> bool:
        if self.token.kind in ("word", "mark") and self.token.text.upper() == word:
            self.place += 1
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.skip(mark):
            raise _error(self.token.position, f"expected {mark!r}, found {self.token.text!r}.")

    def whole(self) -> Q:
        condition = self.any()
        if self.token.kind != "end":
            raise _error(
                self.token.position, f"expected AND, OR or the end, found {self.token.text!r}."
            )
        return condition

    def any(self) -> Q:
        return self._joined("OR", self.all, operator.or_)

    def all(self) -> Q:
        return self._joined("AND", self.one, operator.and_)

    def _joined(self, word: str, part: Callable[[], Q], join: Callable[[Q, Q], Q]) -> Q:
        parts = [part()]
        while self.skip(word):
            parts.append(part())
        return reduce(join, parts)

    def one(self) -> Q:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _error(self.token.position, f"nest at most {DEEPEST} deep.")
        if self.skip("NOT"):
            condition = ~self.one()
        elif self.skip("("):
            condition = self.any()
            self.expect(")")
        else:
            condition = self.comparison()
        self.depth -= 1
        return condition

    def comparison(self) -> Q:
        named = self.take()
        if named.kind != "word":
            raise _error(named.position, f"expected a field, found {named.text!r}: {KNOWN}.")
        target = field(named.text + self._summary())
        sign = self.take()
        if sign.kind == "word" and sign.text.upper() == "IN":
            values = self._values()
            conditions = [compare(target, "=", value, named, self.project) for value in values]
            return reduce(operator.or_, conditions)
        if sign.kind == "word" and sign.text.upper() == "IS":
            is_there = self.skip("NOT")
            self.expect("NULL")
            lacking = lacks(target, named, self.project)
            return ~lacking if is_there else lacking
        if sign.kind != "operator":
            raise _error(sign.position, f"expected = != < <= > >= ~ IN or IS, found {sign.text!r}.")
        return compare(target, sign.text, self._value(), named, self.project)

    def _summary(self) -> str:
        """The "(min)" after a metric."""
        if not self.skip("("):
            return ""
        summary = self.take()
        if summary.text not in SUMMARIES:
            raise _error(summary.position, f"expected last, min or max, found {summary.text!r}.")
        self.expect(")")
        return f"({summary.text})"

    def _value(self) -> _Token:
        value = self.take()
        if value.kind not in ("word", "string"):
            raise _error(value.position, f"expected a value, found {value.text!r}.")
        return value

    def _values(self) -> list[_Token]:
        self.expect("(")
        values = [self._value()]
        while self.skip(","):
            values.append(self._value())
        self.expect(")")
        return values


def compare(target: Field, sign: str, value: _Token, named: _Token, project: Project | None) -> Q:
    """One comparison as a condition on runs."""
    if target.kind == "params":
        return _compare_param(target.key, sign, value, project)
    if target.kind == "metrics":
        return _compare_metric(target, sign, value, project)
    if target.key == "tags":
        return _compare_tag(sign, value, project)
    if target.key == "status":
        if value.text not in RunStatus.values:
            raise _error(value.position, f"use one of {', '.join(RunStatus.values)}.")
        return _compare_text("status", sign, value)
    if target.key in TEXT_FIELDS:
        return _compare_text(TEXT_FIELDS[target.key], sign, value)
    if target.key == "parent":
        if sign == "~":
            raise _error(value.position, "compare parent with = or !=, or say IS NULL.")
        return _compare_text("parent", sign, value) & Q(parent__isnull=False)
    if target.key in NUMBER_FIELDS:
        return _compare_number(NUMBER_FIELDS[target.key], sign, value, _number(value))
    if target.key in TIME_FIELDS:
        return _compare_number(TIME_FIELDS[target.key], sign, value, _time(value))
    raise _error(named.position, f"{named.text!r} is not a field; use {KNOWN}.")


def lacks(target: Field, named: _Token, project: Project | None) -> Q:
    """The condition that a run has no such param, metric, tag, group, parent, seed or time."""
    within = _within(project)
    if target.kind == "params":
        return ~_has(Param.objects.filter(within, key=target.key))
    if target.kind == "metrics":
        return ~_has(Series.objects.filter(within, key=target.key))
    if target.key == "tags":
        return ~_has(RunTag.objects.filter(within, value=""))
    if target.key == "group":
        return Q(group="")
    columns = {"parent": "parent", **NUMBER_FIELDS, **TIME_FIELDS}
    if target.key in columns:
        return Q(**{f"{columns[target.key]}__isnull": True})
    raise _error(named.position, f"every run has {named.text!r}.")


def _compare_text(column: str, sign: str, value: _Token) -> Q:
    text = _unquoted(value.text)
    if sign == "~":
        return Q(**{f"{column}__icontains": text})
    if sign == "=":
        return Q(**{column: text})
    if sign == "!=":
        return ~Q(**{column: text})
    raise _error(value.position, f"{sign} needs a number; compare texts with =, != or ~.")


def _compare_number(column: str, sign: str, value: _Token, number: float | datetime) -> Q:
    if sign == "~":
        raise _error(value.position, "~ is for texts; use = != < <= > >=.")
    if sign == "!=":
        return ~Q(**{column: number}) & Q(**{f"{column}__isnull": False})
    return Q(**{f"{column}__{_LOOKUPS[sign]}": number})


def _number(value: _Token) -> float:
    try:
        if value.kind == "word":
            return float(value.text)
    except ValueError:
        pass
    raise _error(value.position, f"expected a number, found {value.text!r}.")


def _time(value: _Token) -> datetime:
    try:
        moment = datetime.fromisoformat(_unquoted(value.text))
    except ValueError:
        raise _error(
            value.position, f"expected a date like 2026-11-30, found {value.text!r}."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compare_tag(sign: str, value: _Token, project: Project | None) -> Q:
    rows = RunTag.objects.filter(_within(project))
    if sign in ("=", "~"):
        return _has(rows.filter(_compare_text("name", sign, value)))
    if sign == "!=":
        return ~_has(rows.filter(name=_unquoted(value.text)))
    raise _error(value.position, f"{sign} is for numbers; compare tags with =, != or ~.")


def _compare_param(key: str, sign: str, value: _Token, project: Project | None) -> Q:
    rows = Param.objects.filter(_within(project), key=key)
    if sign != "~" and value.kind == "word" and _is_number(value.text):
        return _has(rows.filter(_compare_number("number", sign, value, float(value.text))))
    return _has(rows.filter(_compare_text("text", sign, value)))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _compare_metric(target: Field, sign: str, value: _Token, project: Project | None) -> Q:
    rows = Series.objects.filter(_within(project), key=target.key)
    column = SUMMARIES[target.summary]
    number = _number(value)
    name = floats.kind(number)
    if not name:
        return _has(rows.filter(_compare_number(column, sign, value, number)))
    if column != "last" or sign not in ("=", "!="):
        raise _error(value.position, f"compare with {name} only the last value, by = or !=.")
    return _has(rows.filter(last_is=name) if sign == "=" else rows.exclude(last_is=name))


def _within(project: Project | None) -> Q:
    return Q() if project is None else Q(project=project)


def _has(rows: "QuerySet[Param] | QuerySet[RunTag] | QuerySet[Series]") -> Q:
    return Q(pk__in=rows.values("run_id"))
