"""Filters as tokens, and errors that point at one."""

import re
from dataclasses import dataclass

from experiments.errors import Invalid

LONGEST = 2_000
_AROUND = 36  # characters shown on either side of an error

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<operator><=|>=|!=|!~|=|<|>|~)
    |(?P<mark>[(),])
    |(?P<word>(?:[^\s"'`()<>=!~,]
        |(?<=\.)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`))+))""",
    re.VERBOSE | re.DOTALL,
)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_QUOTED = re.compile(
    r"""(?:(?<=\.)|^)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)""", re.DOTALL
)


@dataclass(frozen=True)
class Token:
    kind: str  # string, operator, mark, word, end
    text: str
    position: int  # from 1

    def says(self, *words: str) -> bool:
        """Whether it is one of these words of the language, whatever the case."""
        return self.kind in ("word", "mark") and self.text.upper() in words


class InvalidFilter(Invalid):
    """A filter that cannot be read; `details` has the `position` from 1, and the filter around it
    with a `caret` below."""

    code = "invalid_filter"

    def __init__(self, message: str, *, text: str, position: int) -> None:
        sentence = f"At character {position}: {message}"
        super().__init__(f"filter: {sentence}", fields={"filter": [sentence]})
        self.details = {"position": position, "caret": pointed(text, position)}


class Problem(Exception):
    """What is wrong at a place, found where the whole text is not known."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message


def problem(token: Token, message: str) -> Problem:
    return Problem(token.position, message)


def pointed(text: str, position: int) -> str:
    """Two lines: the text around a position, and a caret below it."""
    place = position - 1
    start = max(0, place - _AROUND)
    end = place + _AROUND
    line = "".join(letter if letter.isprintable() else " " for letter in text[start:end])
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{line}{after}\n{' ' * (len(before) + place - start)}^"


def tokens_of(text: str) -> list[Token]:
    """Raises Problem."""
    if found := _UNSTORABLE.search(text):
        raise Problem(found.start() + 1, f"{found[0]!r} cannot be stored, so nothing has it.")
    tokens = []
    place = 0
    while rest := text[place:].lstrip():
        found = _TOKEN.match(text, place)
        if found is None:
            start = len(text) - len(rest)
            raise Problem(start + 1, f"{text[start]!r} is not understood here; is a quote missing?")
        kind = str(found.lastgroup)
        tokens.append(Token(kind, found[kind], found.start(kind) + 1))
        place = found.end()
    return [*tokens, Token("end", "the end", len(text) + 1)]


def quoted(text: str) -> str:
    """A value as the language takes it, whatever it holds: what `unquoted` takes back."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(text: str) -> str:
    """Without the quotes around it, or around parts of a key; a backslash keeps what follows."""
    return _QUOTED.sub(lambda found: re.sub(r"\\(.)", r"\1", found[0][1:-1], flags=re.DOTALL), text)
