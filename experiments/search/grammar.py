"""The grammar: any: all OR all ...; all: one AND one ...; one: NOT one, (any), a comparison."""

import operator
from collections.abc import Callable, Sequence
from functools import reduce

from django.db.models import Q

from experiments.errors import Invalid
from experiments.models import Project
from experiments.search.conditions import condition
from experiments.search.fields import KNOWN, SUMMARY_NAMES, field
from experiments.search.tokens import LONGEST, InvalidFilter, Problem, Token, problem, tokens_of
from experiments.search.values import Comparison

DEEPEST = 20
MOST_COMPARISONS = 100
_WORDS = ("IN", "BETWEEN", "LIKE", "IS")
_SIGNS = "= != < <= > >= ~ !~ IN, BETWEEN, LIKE or IS NULL"


def parse(text: str, *, project: Project | None = None) -> Q:
    """The condition on `Run` rows. Blank text is every run.

    `project`: the one whose runs are searched, when it is one; its indexes are used then.
    Raises Invalid with the place of the error.
    """
    if len(text) > LONGEST:
        raise Invalid(f"filter: use at most {LONGEST} characters.", fields={"filter": ["too long"]})
    if not text.strip():
        return Q()
    try:
        return _Parser(tokens_of(text), project).whole()
    except Problem as found:
        raise InvalidFilter(found.message, text=text, position=found.position) from None


class _Parser:
    def __init__(self, tokens: Sequence[Token], project: Project | None) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0
        self.comparisons = 0
        self.project = project

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.token
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def skip(self, word: str) -> bool:
        if self.token.says(word):
            self.place += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.skip(word):
            raise problem(self.token, f"expected {word!r}, found {self.token.text!r}.")

    def whole(self) -> Q:
        found = self.any()
        if self.token.kind != "end":
            raise problem(self.token, f"expected AND, OR or the end, found {self.token.text!r}.")
        return found

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
            raise problem(self.token, f"nest at most {DEEPEST} deep.")
        if self.skip("NOT"):
            found = ~self.one()
        elif self.skip("("):
            found = self.any()
            self.expect(")")
        else:
            found = condition(self.comparison(), self.project)
        self.depth -= 1
        return found

    def comparison(self) -> Comparison:
        named = self.take()
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            raise problem(named, f"use at most {MOST_COMPARISONS} comparisons; IN takes a list.")
        if named.kind != "word":
            raise problem(named, f"expected a field, found {named.text!r}: {KNOWN}.")
        target = field(named.text + self._summary())
        sign = self.take()
        is_not = sign.says("NOT")
        if is_not:
            sign = self.take()
        if not sign.says(*_WORDS) and (is_not or sign.kind != "operator"):
            raise problem(sign, f"expected {_SIGNS}, found {sign.text!r}.")
        if sign.says("IS"):
            return Comparison(target, "IS NULL", (), self._is_not_null(), named)
        word = sign.text.upper()
        return Comparison.of(target, word, tuple(self._values(word)), is_not, named)

    def _summary(self) -> str:
        """The "(min)" after a metric."""
        if not self.skip("("):
            return ""
        summary = self.take()
        if summary.text not in SUMMARY_NAMES:
            raise problem(summary, f"expected last, min, max or best, found {summary.text!r}.")
        self.expect(")")
        return f"({summary.text})"

    def _is_not_null(self) -> bool:
        is_not = self.skip("NOT")
        self.expect("NULL")
        return is_not

    def _values(self, sign: str) -> list[Token]:
        if sign == "BETWEEN":
            first = self._value()
            self.expect("AND")
            return [first, self._value()]
        if sign != "IN":
            return [self._value()]
        self.expect("(")
        values = [self._value()]
        while self.skip(","):
            values.append(self._value())
        self.expect(")")
        return values

    def _value(self) -> Token:
        value = self.take()
        if value.kind not in ("word", "string"):
            raise problem(value, f"expected a value, found {value.text!r}.")
        return value
