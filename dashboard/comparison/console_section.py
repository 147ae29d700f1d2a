"""The consoles of two of the compared runs, line by line, their times aside."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from dashboard.comparison.code_section import pair_of
from dashboard.comparison.diff_view import marked
from dashboard.comparison.selection import Compared, Selection
from experiments.comparing import console
from experiments.comparing.console import LONGEST, ConsoleDiff, LogRow
from experiments.comparing.words import Span
from experiments.shapes import LogLine

STREAMS = ("", "stderr", "stdout")
AROUND = 3  # equal lines shown beside those that differ
LEAST_FOLD = 3  # fewer are shown: a fold would take as much room
PAGE_ROWS = 1_000  # of the table; a browser draws no more with ease
MOST_FOLDS = 200  # that are open at once


@dataclass(frozen=True)
class ShownLine:
    """A line as shown; `is_cut`: only its beginning."""

    number: int
    is_error: bool
    html: SafeString
    is_cut: bool


@dataclass(frozen=True)
class ShownRow:
    """A row of the table: lines left and right, or a stretch of equal ones, folded or opened.

    `toggle` is the list of open stretches with this one opened, or closed again.
    """

    kind: str  # "same", "changed", "only", "fold" or "open"
    old: ShownLine | None = None
    new: ShownLine | None = None
    count: int = 0
    name: str = ""
    toggle: str = ""


@dataclass(frozen=True)
class ConsoleSection:
    """`first` and `last` say which of `total` rows are shown; `previous`, `next`: where others
    begin, None where there are none."""

    old: Compared
    new: Compared
    stream: str
    diff: ConsoleDiff
    rows: tuple[ShownRow, ...]
    first: int
    last: int
    total: int
    previous: int | None
    next: int | None
    open_folds: str

    @property
    def is_same(self) -> bool:
        """Both printed the same, times aside."""
        return all(row.is_same for row in self.diff.rows)

    @property
    def sides(self) -> list[tuple[Compared, console.ConsoleLines]]:
        return [(self.old, self.diff.old), (self.new, self.diff.new)]


def console_section(selection: Selection) -> ConsoleSection:
    """The pair that the code section shows, too."""
    old, new = pair_of(selection)
    stream = selection.get("stream", STREAMS)
    diff = console.compare(old.run.pk, new.run.pk, stream=stream)
    opened = selection.controls.get("unfold", "").split(",")[:MOST_FOLDS]
    rows = _folded(diff.rows, [name for name in opened if name])
    start = _start(selection.controls.get("rows", ""), len(rows))
    shown = rows[start : start + PAGE_ROWS]
    last = start + len(shown)
    return ConsoleSection(
        old=old,
        new=new,
        stream=stream,
        diff=diff,
        rows=tuple(_shown(row) if isinstance(row, LogRow) else row for row in shown),
        first=start + 1,
        last=last,
        total=len(rows),
        previous=max(0, start - PAGE_ROWS) if start else None,
        next=last if last < len(rows) else None,
        open_folds=",".join(opened),
    )


def _start(text: str, count: int) -> int:
    """A number of a row, or 0 where there is none."""
    start = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
    return start if start < count else 0


def _folded(rows: Sequence[LogRow], opened: Sequence[str]) -> list[LogRow | ShownRow]:
    """The rows with equal stretches away from differences folded, but for those opened."""
    found: list[LogRow | ShownRow] = []
    place = 0
    while place < len(rows):
        end = place
        while end < len(rows) and rows[end].is_same:
            end += 1
        found += _stretch(rows, place, end, opened)
        if end < len(rows):
            found.append(rows[end])
        place = end + 1
    return found


def _stretch(
    rows: Sequence[LogRow], start: int, end: int, opened: Sequence[str]
) -> list[LogRow | ShownRow]:
    """Equal rows from `start` to `end`, their middle folded."""
    first = start + AROUND if start else 0
    last = end - AROUND if end < len(rows) else end
    if last - first < LEAST_FOLD:
        return list(rows[start:end])
    beginning = rows[first].new
    name = str(beginning.number if beginning else first)
    is_open = name in opened
    others = [one for one in opened if one != name]
    fold = ShownRow(
        "open" if is_open else "fold",
        count=last - first,
        name=name,
        toggle=",".join(others if is_open else [*others, name]),
    )
    middle = list(rows[first:last]) if is_open else []
    return [*rows[start:first], fold, *middle, *rows[last:end]]


def _shown(row: LogRow) -> ShownRow:
    gone, come = row.words
    kind = "same" if row.is_same else "changed" if row.old and row.new else "only"
    return ShownRow(kind, _line(row.old, gone, "del"), _line(row.new, come, "ins"))


def _line(line: LogLine | None, words: Sequence[Span], tag: str) -> ShownLine | None:
    if line is None:
        return None
    is_cut = len(line.text) > LONGEST
    text = marked(line.text[:LONGEST], words, tag)
    return ShownLine(line.number, line.stream == "stderr", text, is_cut)
