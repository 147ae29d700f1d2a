"""Seeds as people write them: "0-4" or "0, 1, 2"."""

import re

from experiments.errors import Invalid

MOST = 100
_PART = re.compile(r"(\d{1,10})(?:\s*(?:-|–|\.\.)\s*(\d{1,10}))?")


def seeds(text: str) -> list[int]:
    """The numbers of a text, ranges written out. Raises Invalid under the name "seeds"."""
    found: list[int] = []
    for part in filter(None, (one.strip() for one in re.split(r"[,;]|\s+(?=\d)", text))):
        match = _PART.fullmatch(part)
        if match is None:
            raise _invalid(f"{part[:40]!r} is no seed: write 0-4, or 0, 1, 2.")
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        if last < first:
            raise _invalid(f"{part!r} counts down: write {last}-{first}.")
        if len(found) + last - first >= MOST:
            raise _invalid(f"These are more than {MOST} seeds; submit them in several jobs.")
        found += range(first, last + 1)
    if not found:
        raise _invalid("Give at least one seed, such as 0.")
    return found


def seeds_text(numbers: list[int]) -> str:
    """The shortest way to write these seeds that `seeds` reads back."""
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, numbers))


def _invalid(message: str) -> Invalid:
    return Invalid(f"seeds: {message}", fields={"seeds": [message]})
