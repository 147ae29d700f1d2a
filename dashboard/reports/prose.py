"""Markdown on paper: the parser's tokens as paragraphs, lists, tables and code of a sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from dashboard.reports.sheet import SMALL, TEXT, Sheet

HEADINGS = {"h1": 14.0, "h2": 12.0, "h3": 11.0}
INDENT = 6.0
DEEPEST = 12  # what is nested deeper stands no further to the right
ON_PAPER = ("http://", "https://", "mailto:")  # links within the site lead nowhere from a file


@dataclass
class _List:
    """`number` of the next item; None: not numbered."""

    number: int | None


def write(sheet: Sheet, tokens: Sequence[Token]) -> None:
    """All of a run of tokens."""
    _Writer(sheet).write(tokens)


class _Writer:
    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.lists: list[_List] = []
        self.bullet = ""
        self.margin = sheet.l_margin
        self.depth = 0  # of lists and quotes

    def write(self, tokens: Sequence[Token]) -> None:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type == "table_open":
                end = _end(tokens, place, "table_close")
                self._table(tokens[place:end])
                place = end
            else:
                self._block(token, tokens[place + 1] if place + 1 < len(tokens) else None)
            place += 1
        self._indent(-self.depth)

    def _block(self, token: Token, following: Token | None) -> None:
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            start = token.attrGet("start")
            number = int(start) if start is not None else 1
            self.lists.append(_List(number if kind.startswith("ordered") else None))
            self._indent(1)
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self.lists.pop()
            self._indent(-1)
        elif kind in ("blockquote_open", "blockquote_close"):
            self._indent(1 if kind.endswith("open") else -1)
        elif kind == "list_item_open":
            self.bullet = self._next_bullet()
        elif kind in ("heading_open", "paragraph_open") and following is not None:
            self._paragraph(following, HEADINGS.get(token.tag) if kind[0] == "h" else None)
        elif kind in ("fence", "code_block"):
            self.sheet.lines(token.content.rstrip("\n"), SMALL, mono=True, color="var(--text-2)")
            self.sheet.gap(2)
        elif kind == "hr":
            self.sheet.gap(4)

    def _indent(self, by: int) -> None:
        self.depth += by
        self.sheet.set_left_margin(self.margin + min(self.depth, DEEPEST) * INDENT)
        self.sheet.set_x(self.sheet.l_margin)

    def _next_bullet(self) -> str:
        current = self.lists[-1] if self.lists else _List(None)
        if current.number is None:
            return "• "
        current.number += 1
        return f"{current.number - 1}. "

    def _paragraph(self, inline: Token, heading: float | None) -> None:
        size = heading or TEXT
        if heading:
            self.sheet.gap(2)
        if self.bullet:
            self.sheet.style(size)
            self.sheet.write(self.sheet.height(size), self.bullet)
            self.bullet = ""
        for text, look, link in _parts(inline.children or ()):
            color = "var(--accent)" if link else "var(--text)"
            self.sheet.style(
                size,
                bold=heading is not None or "strong" in look,
                italic="em" in look,
                mono="code" in look,
                color=color,
            )
            self.sheet.write(self.sheet.height(size), text, link)
        self.sheet.ln(self.sheet.height(size))
        self.sheet.gap(1 if self.lists else 2)

    def _table(self, tokens: Sequence[Token]) -> None:
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append("".join(text for text, _, _ in _parts(token.children or ())))
        width = len(rows[0])
        body = [(row + [""] * width)[:width] for row in rows[1:]]
        self.sheet.grid(rows[0], body, [False] * width)
        self.sheet.gap(2)


def _end(tokens: Sequence[Token], start: int, kind: str) -> int:
    return next(place for place in range(start, len(tokens)) if tokens[place].type == kind)


def _parts(children: Sequence[Token]) -> Iterator[tuple[str, frozenset[str], str]]:
    """Texts with how they look and where they lead."""
    look: list[str] = []
    link = ""
    for token in children:
        kind = token.type
        if kind in ("text", "code_inline"):
            extra = ("code",) if kind == "code_inline" else ()
            yield token.content, frozenset((*look, *extra)), link
        elif kind in ("softbreak", "hardbreak"):
            yield "\n" if kind == "hardbreak" else " ", frozenset(look), link
        elif kind == "link_open":
            target = str(token.attrGet("href") or "")
            link = target if target.startswith(ON_PAPER) else ""
        elif kind == "link_close":
            link = ""
        elif kind.endswith("_open"):
            look.append(kind.removesuffix("_open"))
        elif kind.endswith("_close"):
            look.remove(kind.removesuffix("_close"))
