"""How a line of the console is stored: "HH:MM:SS [STDERR ]LEVEL text"."""

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

STDERR = "STDERR"  # stands before the level of a line that came from standard error
_STAMPED = re.compile(r"\d\d:\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
_TIME = len("12:00:00 ")


def stamped(lines: Iterable[str], at: datetime, stderr: Collection[int] = ()) -> str:
    """The lines as they are stored: those without a time and a level get `at`, in UTC, and INFO.
    `stderr`: places of those that came from standard error; `stream_of` finds them again.
    """
    stamp = f"{at.astimezone(UTC):%H:%M:%S} INFO"
    found = []
    for place, line in enumerate(lines):
        full = line if _STAMPED.match(line) else f"{stamp} {line}"
        found.append(f"{full[:_TIME]}{STDERR} {full[_TIME:]}" if place in stderr else full)
    return "".join(f"{line}\n" for line in found)


def stream_of(line: str) -> tuple[str, str]:
    """The stream that a stored line came from, and the line without its mark. Lines of jobs,
    whose two streams are one, count as standard output."""
    end = _TIME + len(STDERR) + 1
    without = f"{line[:_TIME]}{line[end:]}"
    if line[_TIME:end] == f"{STDERR} " and _STAMPED.match(without):
        return "stderr", without
    return "stdout", line
