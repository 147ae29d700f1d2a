"""Two consoles line by line, aligned as if no line told a time."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pygit2
from pygit2.enums import DiffOption

from experiments import reading
from experiments.comparing.words import Span, changed_words
from experiments.shapes import LogLine

ENDS = 5_000  # lines of a longer console's beginning and of its end; the middle is left out
LONGEST = 2_000  # characters of a line that are read

TIME = "⏱"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_NUMBER = r"\d+(?:[.,]\d+)?(?:e[+-]?\d+)?"
_CLOCK = r"\d{1,3}:\d\d(?::\d\d)?(?:[.,]\d+)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b)?"
_UNIT = r"(?:ns|us|µs|ms|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?)"
# From the longest kind to the shortest: dates, clocks and what progress bars expect, durations,
# what something takes each or does in a time, seconds or milliseconds since 1970.
_TIMES = re.compile(
    rf"""(?<![\w.])(?:
      (?:\d{{4}}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{{4}})(?:[T\s]{_CLOCK}{_ZONE})?
    | (?:\d\d?\s{_MONTH}|{_MONTH}\s{{1,2}}\d\d?)(?:,?\s\d{{4}})?\b(?:\s{_CLOCK}{_ZONE})?
    | {_CLOCK}{_ZONE}(?![\w:])
    | (?:{_NUMBER}\s?[dhm]\s?){{1,3}}{_NUMBER}\s?s\b
    | {_NUMBER}\s?{_UNIT}(?:/\s?\w+)?(?!\w)
    | {_NUMBER}\s?\w{{0,12}}/\s?(?:s|secs?|seconds?|mins?|minutes?|h|hours?)(?!\w)
    | 1[5-9]\d{{8}}(?:\.\d+)?(?![\w.]) | 1[5-9]\d{{11}}(?![\w.])
    | (?<=[<\[])\?+(?=[\],<\s])
    | \?(?=it/s)
    )""",
    re.VERBOSE,
)
_DIGITS = re.compile(rf"{TIME}|[+-]?{_NUMBER}|\b(?:nan|inf)\b", re.IGNORECASE)


@dataclass(frozen=True)
class LogRow:
    """Lines that belong together; None on the side that has none."""

    old: LogLine | None
    new: LogLine | None

    @cached_property
    def is_same(self) -> bool:
        """Both sides print it, times aside."""
        return (
            self.old is not None
            and self.new is not None
            and timeless(self.old.text) == timeless(self.new.text)
        )

    @property
    def words(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The spans in which the two lines differ, times aside."""
        if self.old is None or self.new is None or self.is_same:
            return (), ()
        first, second = self.old.text[:LONGEST], self.new.text[:LONGEST]
        gone, come = changed_words(first, second)
        return _but_times(first, gone), _but_times(second, come)


@dataclass(frozen=True)
class ConsoleLines:
    """The lines of a console that are compared; `left_out` lie after the first `ENDS`."""

    lines: tuple[LogLine, ...]
    total: int
    left_out: int


@dataclass(frozen=True)
class ConsoleDiff:
    """Every line of both, in order."""

    old: ConsoleLines
    new: ConsoleLines
    rows: tuple[LogRow, ...]

    @property
    def only_old(self) -> int:
        return sum(row.new is None for row in self.rows)

    @property
    def only_new(self) -> int:
        return sum(row.old is None for row in self.rows)

    @property
    def changed(self) -> int:
        """Pairs of lines that say the same with other numbers."""
        return sum(bool(row.old and row.new) and not row.is_same for row in self.rows)


def compare(old_id: str, new_id: str, *, stream: str = "") -> ConsoleDiff:
    """The consoles of two runs; with `stream`, what they printed there alone."""
    old, new = console_of(old_id, stream), console_of(new_id, stream)
    return ConsoleDiff(old, new, tuple(aligned(old.lines, new.lines)))


def console_of(run_id: str, stream: str = "") -> ConsoleLines:
    """What of a run's console is compared."""
    first = reading.log_lines(run_id, limit=2 * ENDS)
    lines, left_out = first.lines, max(0, first.total - 2 * ENDS)
    if left_out:
        lines = lines[:ENDS] + reading.log_lines(run_id, after=-ENDS, limit=ENDS).lines
    kept = tuple(line for line in lines if stream in ("", line.stream))
    return ConsoleLines(kept, first.total, left_out)


def timeless(text: str) -> str:
    """A line with every time, date, duration and rate replaced, its spaces made one."""
    return " ".join(_TIMES.sub(TIME, text[:LONGEST]).split())


def aligned(old: Sequence[LogLine], new: Sequence[LogLine]) -> list[LogRow]:
    """Equal lines side by side, times aside; between them those that differ in numbers alone."""
    before, after = ([timeless(line.text) for line in lines] for lines in (old, new))

    def shape(text: str) -> str:
        return _DIGITS.sub("0", text)

    rows: list[LogRow] = []
    for pair in _matched(before, after):
        if isinstance(pair, tuple):
            rows.append(LogRow(old[pair[0]], new[pair[1]]))
            continue
        for inner in _between(pair, before, after, shape):
            rows += _rows(inner, old, new)
    return rows


@dataclass(frozen=True)
class _Gap:
    """Lines of either side that nothing on the other matches."""

    old: range
    new: range


_Found = tuple[int, int] | _Gap


def _between(
    gap: _Gap, before: list[str], after: list[str], shape: Callable[[str], str]
) -> Iterator[_Found]:
    first = [shape(before[place]) for place in gap.old]
    second = [shape(after[place]) for place in gap.new]
    for found in _matched(first, second):
        if isinstance(found, tuple):
            yield gap.old[found[0]], gap.new[found[1]]
        else:
            yield _Gap(_sub(gap.old, found.old), _sub(gap.new, found.new))


def _sub(whole: range, part: range) -> range:
    return range(whole.start + part.start, whole.start + part.stop)


def _rows(found: _Found, old: Sequence[LogLine], new: Sequence[LogLine]) -> list[LogRow]:
    if isinstance(found, tuple):
        return [LogRow(old[found[0]], new[found[1]])]
    gone = [LogRow(old[place], None) for place in found.old]
    return gone + [LogRow(None, new[place]) for place in found.new]


def _matched(before: Sequence[str], after: Sequence[str]) -> Iterator[_Found]:
    """Pairs of equal texts and the gaps between them, in order. libgit2 compares numbers that
    stand for the texts, so that nothing in them can mislead it."""
    numbers: dict[str, int] = {}
    old, new = (
        b"".join(b"%d\n" % numbers.setdefault(text, len(numbers)) for text in texts)
        for texts in (before, after)
    )
    patch = pygit2.Patch.create_from(old, new, flag=DiffOption.FORCE_TEXT, context_lines=0)
    i = j = 0
    for hunk in patch.hunks:
        # A side without lines starts at the line before.
        start = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
        while i < start:
            yield i, j
            i, j = i + 1, j + 1
        yield _Gap(range(i, i + hunk.old_lines), range(j, j + hunk.new_lines))
        i, j = i + hunk.old_lines, j + hunk.new_lines
    yield from zip(range(i, len(before)), range(j, len(after)), strict=True)


def _but_times(text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans without what lies in a time of the text."""
    kept: list[Span] = []
    times = [found.span() for found in _TIMES.finditer(text)]
    for start, end in spans:
        for first, last in times:
            if last <= start or first >= end:
                continue
            if start < first:
                kept.append((start, first))
            start = max(start, last)
        if start < end:
            kept.append((start, end))
    return tuple(kept)
