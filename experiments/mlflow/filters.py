"""MLflow's grammar of filters and orders: text to comparisons, or where and why it is none.

    CLAUSE (AND CLAUSE)*        KEY [ASC|DESC]

A key is PREFIX.NAME or a bare attribute; names with other than word characters, dots, dashes and
colons are in backquotes or quotes. There is no OR, no NOT, no parenthesis but of a list, and no
escape character: a quote that is doubled does not end a text, and stays doubled in it. ANDs may
stand before and after all clauses, and lack between them, as MLflow's own parser has it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.errors import Invalid

LONGEST = 200_000
TEXT = ("=", "!=", "LIKE", "ILIKE")
LISTS = ("IN", "NOT IN")
NULLS = ("IS NULL", "IS NOT NULL")
NUMBERS = (">", ">=", "<", "<=", "=", "!=")
ATTRIBUTE = "attribute"

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
    |(?P<key>(?:\w+\.)?(?:`[^`]+`|"(?:[^"]|"")*")|\w+\.'(?:[^']|'')*')
    |(?P<sign>>=|<=|!=|=|<|>)
    |(?P<mark>[(),])
    |(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.:]))
    |(?P<word>[\w.:\-]+))""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Key:
    """What is compared or sorted by: an attribute, or a metric, param, tag ... by its name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == ATTRIBUTE else f"{self.kind}.{self.name}"


@dataclass(frozen=True)
class Comparison:
    """One clause. `value` is of the type that its sign and its author chose."""

    key: Key
    sign: str
    value: str | float | tuple[str, ...] | None

    def text(self) -> str:
        """The value, a text. Raises Invalid."""
        if not isinstance(self.value, str):
            raise bad(f"Compare {self.key} with a text in quotes.")
        return self.value

    def number(self) -> float:
        """The value, a number. Raises Invalid."""
        if not isinstance(self.value, int | float):
            raise bad(f"Compare {self.key} with a number, without quotes.")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """The value, a list. Raises Invalid."""
        assert isinstance(self.value, tuple)  # the parser gives these signs nothing else
        return self.value

    def allow(self, *signs: str) -> None:
        """Raises Invalid for another sign."""
        if self.sign not in signs:
            raise bad(f"{self.key} cannot be compared by {self.sign}: use {' '.join(signs)}.")


@dataclass(frozen=True)
class Order:
    key: Key
    descending: bool


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def bad(message: str) -> Invalid:
    return Invalid(f"filter: {message}", code="invalid_filter", fields={"filter": [message]})


def parse(text: str, kinds: Mapping[str, str]) -> list[Comparison]:
    """The clauses of a filter. `kinds`: what each prefix stands for. Raises Invalid."""
    if not text:
        return []
    if len(text) > LONGEST:
        raise bad(f"Use at most {LONGEST:,} characters.")
    reader = _Reader(_tokens(text), kinds)
    found = []
    while reader.skip("AND"):
        found.append(reader.comparison())
    return found


def parse_orders(texts: Sequence[str], kinds: Mapping[str, str]) -> list[Order]:
    """The keys of an order_by. Raises Invalid."""
    found: list[Order] = []
    for text in texts:
        reader = _Reader(_tokens(text), kinds)
        key = reader.key()
        descending = not reader.is_at_end and reader.take_one_of("ASC", "DESC") == "DESC"
        if not reader.is_at_end:
            raise bad(f"order_by {text[:100]!r}: use KEY, KEY ASC or KEY DESC.")
        if any(key == other.key for other in found):
            raise bad(f"order_by names {key} twice.")
        found.append(Order(key, descending))
    return found


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise bad(f"{text[place : place + 40].strip()!r} is not understood.")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind]))
        place = found.end()
    if not tokens:
        raise bad("It is blank: leave it out, or write a condition.")
    return tokens


class _Reader:
    def __init__(self, tokens: Sequence[_Token], kinds: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._kinds = kinds
        self._place = 0

    @property
    def is_at_end(self) -> bool:
        return self._place == len(self._tokens)

    def _take(self, wanted: str) -> _Token:
        if self.is_at_end:
            raise bad(f"It ends where {wanted} was expected.")
        token = self._tokens[self._place]
        self._place += 1
        return token

    def take_one_of(self, *words: str) -> str:
        """One of these words, in upper case."""
        token = self._take(" or ".join(words))
        if token.text.upper() not in words:
            raise bad(f"Expected {' or '.join(words)}, found {token.text[:60]!r}.")
        return token.text.upper()

    def skip(self, word: str) -> bool:
        """Passes over this word, however often; whether anything is left."""
        while not self.is_at_end and self._tokens[self._place].text.upper() == word:
            self._place += 1
        return not self.is_at_end

    def expect(self, word: str) -> None:
        self.take_one_of(word)

    def key(self) -> Key:
        token = self._take("a key")
        if token.kind not in ("word", "key"):
            raise bad(f"Expected a key, found {token.text[:60]!r}.")
        if token.text[0] in '`"':
            return Key(ATTRIBUTE, token.text[1:-1])
        prefix, dot, name = token.text.partition(".")
        if not dot:
            return Key(ATTRIBUTE, token.text)
        if prefix not in self._kinds:
            raise bad(f"{prefix[:60]!r} is unknown: use {', '.join(sorted(self._kinds))}.")
        quoted = name[:1] in ("`", '"', "'")
        name = name[1:-1] if quoted else name
        if not name:
            raise bad(f"{token.text[:60]!r} names nothing.")
        return Key(self._kinds[prefix], name)

    def comparison(self) -> Comparison:
        key = self.key()
        sign = self._sign()
        if sign in NULLS:
            return Comparison(key, sign, None)
        if sign in LISTS:
            return Comparison(key, sign, self._list())
        return Comparison(key, sign, self._value())

    def _sign(self) -> str:
        token = self._take("a comparison")
        if token.kind == "sign":
            return token.text
        match token.text.upper():
            case "LIKE" | "ILIKE" | "IN" as sign:
                return sign
            case "NOT":
                self.expect("IN")
                return "NOT IN"
            case "IS":
                if self.take_one_of("NOT", "NULL") == "NULL":
                    return "IS NULL"
                self.expect("NULL")
                return "IS NOT NULL"
        raise bad(f"Expected a comparison, found {token.text[:60]!r}.")

    def _value(self) -> str | float:
        token = self._take("a value")
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if (text := _unquoted(token)) is not None:
            return text
        raise bad(f"Put text in quotes: {token.text[:60]!r}.")

    def _list(self) -> tuple[str, ...]:
        self.expect("(")
        found = []
        while True:
            token = self._take("a text in quotes")
            text = _unquoted(token)
            if text is None:
                raise bad("A list holds texts in quotes, with commas between them.")
            found.append(text.replace(2 * token.text[0], ""))  # two texts, which Python joins
            if self.take_one_of(",", ")") == ")":
                return tuple(found)


def _unquoted(token: _Token) -> str | None:
    """The text in quotes; None if it is not in quotes."""
    if token.kind == "text" or (token.kind == "key" and token.text[0] == '"'):
        return token.text[1:-1]
    return None
