"""A file's diff as rows of HTML: syntax colours, word marks, split or unified."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.token import STANDARD_TYPES, Token
from pygments.util import ClassNotFound

from experiments.comparing.code import CellDiff, FileDiff, Hunk, Line
from experiments.comparing.words import Span

# Colouring reads a whole file; past this it is plain.
MOST_COLOURED = 400_000

Piece = tuple[str, str]  # CSS class, text


@dataclass(frozen=True)
class Side:
    """One line as shown. `kind` is "same", "added" or "removed"."""

    kind: str
    number: int | None
    html: SafeString
    ends_file: bool


@dataclass(frozen=True)
class DiffRow:
    """A row of the table: a fold of `skipped` lines, or lines left and right (None: nothing there).

    Unified rows have one side only: `old` for removed lines, `new` for the others.
    """

    old: Side | None = None
    new: Side | None = None
    skipped: int = 0
    heading: str = ""
    equal_cells: int = 0  # of a notebook, folded

    @property
    def is_fold(self) -> bool:
        return self.old is None and self.new is None


def diff_rows(diff: FileDiff, *, split: bool) -> list[DiffRow]:
    """Every row of a file's diff in order."""
    old = _coloured(diff.old, diff.path)
    new = _coloured(diff.new, diff.path)
    rows: list[DiffRow] = []
    for hunk in diff.hunks:
        if hunk.skipped or (rows and hunk.heading):
            rows.append(DiffRow(skipped=hunk.skipped, heading=hunk.heading))
        rows += _split(hunk, old, new) if split else _unified(hunk, old, new)
    if diff.after:
        rows.append(DiffRow(skipped=diff.after))
    return rows


def notebook_rows(cells: Sequence[CellDiff], *, split: bool) -> list[DiffRow]:
    """Every cell that differs under a heading of its own; the others folded."""
    rows: list[DiffRow] = []
    equal = 0
    for cell in cells:
        if cell.diff is None:
            equal += 1
            continue
        if equal:
            rows.append(DiffRow(equal_cells=equal))
            equal = 0
        rows.append(DiffRow(heading=_cell_heading(cell)))
        rows += diff_rows(cell.diff, split=split)
    if equal:
        rows.append(DiffRow(equal_cells=equal))
    return rows


def _cell_heading(cell: CellDiff) -> str:
    pair = cell.pair
    number = pair.shown.number
    if pair.old and pair.new and pair.old.number != number:
        where = f"Cell {pair.old.number}, now {number}"
    else:
        where = f"Cell {number}"
    if pair.is_same:
        state = "unchanged"
    elif pair.old and pair.new:
        state = "changed"
    else:
        state = "added" if pair.new else "removed"
    if pair.is_moved:
        state = "moved to here" if pair.new else "moved from here"
    return f"{where} · {pair.shown.kind} · {state}"


def _unified(hunk: Hunk, old: list[list[Piece]], new: list[list[Piece]]) -> Iterator[DiffRow]:
    for line in hunk.lines:
        if line.kind == "removed":
            yield DiffRow(old=_side(line, old, line.old))
        else:
            both = _side(line, old, line.old) if line.kind == "same" else None
            yield DiffRow(old=both, new=_side(line, new, line.new))


def _split(hunk: Hunk, old: list[list[Piece]], new: list[list[Piece]]) -> Iterator[DiffRow]:
    """Removed lines stand beside the added ones that follow them."""
    gone: list[Side] = []
    come: list[Side] = []
    for line in hunk.lines:
        if line.kind == "removed" and not come:
            gone.append(_side(line, old, line.old))
        elif line.kind == "added":
            come.append(_side(line, new, line.new))
        else:
            yield from _beside(gone, come)
            gone, come = [], []
            if line.kind == "removed":
                gone.append(_side(line, old, line.old))
            else:
                yield DiffRow(_side(line, old, line.old), _side(line, new, line.new))
    yield from _beside(gone, come)


def _beside(gone: Sequence[Side], come: Sequence[Side]) -> Iterator[DiffRow]:
    for place in range(max(len(gone), len(come))):
        yield DiffRow(
            old=gone[place] if place < len(gone) else None,
            new=come[place] if place < len(come) else None,
        )


def _side(line: Line, coloured: list[list[Piece]], number: int | None) -> Side:
    pieces: list[Piece] = [("", line.text)]
    if number is not None and number <= len(coloured):
        found = coloured[number - 1]
        # Trust the colours only where they spell the same line (odd line breaks may not).
        if "".join(text for _, text in found) == line.text:
            pieces = found
    tag = {"added": "ins", "removed": "del"}.get(line.kind, "")
    return Side(line.kind, number, _html(pieces, line.words, tag), line.ends_file)


def marked(text: str, words: Sequence[Span], tag: str) -> SafeString:
    """A line without colours, escaped, with these spans in `tag`."""
    return _html([("", text)], words, tag)


def _html(pieces: Sequence[Piece], words: Sequence[Span], tag: str) -> SafeString:
    """Pieces cut at the borders of the words, each escaped; words in `tag`."""
    borders = sorted({place for span in words for place in span})
    out: list[str] = []
    start = 0
    for css, text in pieces:
        end = start + len(text)
        cuts = [start, *[b for b in borders if start < b < end], end]
        for left, right in zip(cuts, cuts[1:], strict=False):
            inside = any(a <= left and right <= b for a, b in words)
            plain = str(escape(text[left - start : right - start]))
            piece = f'<span class="{css}">{plain}</span>' if css else plain
            out.append(f"<{tag}>{piece}</{tag}>" if inside and tag else piece)
        start = end
    # Text is escaped above; classes are Pygments' constants.
    return mark_safe("".join(out))


def _coloured(text: str, path: str) -> list[list[Piece]]:
    """The pieces of each line; empty for a text too long to colour."""
    if not text or len(text) > MOST_COLOURED:
        return []
    lines: list[list[Piece]] = [[]]
    for kind, value in lex(text, _lexer(path)):
        css = _css(kind)
        first, *rest = value.split("\n")
        if first:
            lines[-1].append((css, first))
        for part in rest:
            lines.append([(css, part)] if part else [])
    return lines


def _lexer(path: str) -> Lexer:
    try:
        return get_lexer_for_filename(path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)


def _css(kind: object) -> str:
    """The short class of a token or of the nearest ancestor that has one."""
    while kind is not Token and kind not in STANDARD_TYPES:
        kind = kind.parent  # type: ignore[attr-defined]
    return str(STANDARD_TYPES.get(kind, ""))
