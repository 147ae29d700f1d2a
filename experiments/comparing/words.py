"""Which words of a replaced line changed."""

import difflib
import re

Span = tuple[int, int]  # start and end in characters

LONGEST = 1_000  # characters; past that a line is marked as a whole
LEAST_ALIKE = 0.3  # lines that share less are not versions of each other: no marks

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def changed_words(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The spans of `old` that went and the spans of `new` that came, word by word.

    Nothing is marked where the lines have too little in common for marks to help.
    """
    if max(len(old), len(new)) > LONGEST:
        return (), ()
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return (), ()
    old_starts, new_starts = _starts(before), _starts(after)
    gone: list[Span] = []
    come: list[Span] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        if b > a:
            gone.append((old_starts[a], old_starts[b]))
        if d > c:
            come.append((new_starts[c], new_starts[d]))
    return tuple(gone), tuple(come)


def _starts(tokens: list[str]) -> list[int]:
    """Where each token begins, and where the last one ends."""
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token))
    return starts
