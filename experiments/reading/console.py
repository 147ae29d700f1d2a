"""Console output as numbered lines."""

from collections.abc import Iterator

from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.functions import Length, Replace

from experiments.console_lines import stream_of
from experiments.errors import Invalid
from experiments.models import LogChunk
from experiments.shapes import LogLine, LogPage

MOST_LINES = 10_000  # in a page


def log_lines(
    run_id: str, *, after: int | None = None, limit: int = 1000, contains: str = ""
) -> LogPage:
    """Up to `limit` lines with a number above `after`; a negative one asks for the last lines.

    Lines are numbered 1, 2, 3 ... as they came in, over all attempts, so a number never changes.
    `contains` keeps the lines that hold this text, whatever its case. Raises Invalid for a limit
    outside 1..10,000.
    """
    if not 1 <= limit <= MOST_LINES:
        raise Invalid(f"limit: use 1 to {MOST_LINES}.", fields={"limit": [f"1 to {MOST_LINES}"]})
    chunks = list(_chunk_lengths(run_id))
    total = sum(length for _, length in chunks)
    start = after or 0
    if start < 0:
        start = max(total + start, 0)
    found: list[LogLine] = []
    needle = contains.casefold()
    for line in _lines(chunks, start):
        if needle in line.text.casefold():
            found.append(line)
            if len(found) == limit:
                return LogPage(tuple(found), line.number, total)
    return LogPage(tuple(found), max(total, start), total)


def _chunk_lengths(run_id: str) -> Iterator[tuple[int, int]]:
    """(id, number of lines) of every chunk as they came in, without their text."""
    unfinished = Case(
        When(text__endswith="\n", then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    breaks = Length("text") - Length(Replace("text", Value("\n"), Value("")))
    rows = LogChunk.objects.filter(run_id=run_id).order_by("id")
    yield from rows.annotate(lines=breaks + unfinished).values_list("id", F("lines"))


def _lines(chunks: list[tuple[int, int]], start: int) -> Iterator[LogLine]:
    """The lines after the first `start`; the text of chunks before these is not read."""
    number = 0
    for chunk_id, length in chunks:
        if number + length > start:
            chunk = LogChunk.objects.only("attempt", "text").get(pk=chunk_id)
            lines = chunk.text.removesuffix("\n").split("\n")
            for place, text in enumerate(lines[max(start - number, 0) :], max(start - number, 0)):
                stream, shown = stream_of(text)
                yield LogLine(number + place + 1, chunk.attempt, shown, stream)
        number += length
