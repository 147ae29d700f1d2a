"""Blocks of a report: fenced code whose language begins with "metascope-", one option a line.

```metascope-panel
runs: tags = paper
metric: train/query_loss
```
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from dashboard.comparison.selection import MOST as MOST_COMPARED
from dashboard.table_columns import Column, column_of
from experiments.errors import Invalid
from experiments.models import ids
from experiments.shapes import Axis

Word = TypeVar("Word", bound=str)

PREFIX = "metascope-"
AXES: tuple[Axis, ...] = ("step", "relative", "time")
MOST_CURVES, MOST_ROWS = 50, 100
MOST_COLUMNS = 12
LONGEST = 500
_IDS = re.compile(rf"[{ids.ALPHABET}]{{{ids.LENGTH}}}(\s*,\s*[{ids.ALPHABET}]{{{ids.LENGTH}}})*")


@dataclass(frozen=True)
class RunSet:
    """Runs of the report's project: those of these ids, else those that a filter finds."""

    ids: tuple[str, ...]
    filters: str


@dataclass(frozen=True)
class Panel:
    """Curves of one metric."""

    title: str
    runs: RunSet
    metric: str
    x: Axis
    log: bool
    smooth: float
    limit: int


@dataclass(frozen=True)
class VerdictBlock:
    """Whether runs differ from the baseline, as the compare page says it."""

    title: str
    runs: RunSet
    baseline: str  # an id or a name; empty: the first
    controls: tuple[tuple[str, str], ...]  # of the compare page


@dataclass(frozen=True)
class RunsBlock:
    """A table of runs. `sort` is as in a run table's address, empty for the newest first."""

    title: str
    runs: RunSet
    columns: tuple[Column, ...]
    sort: str
    descending: bool
    limit: int


Block = Panel | VerdictBlock | RunsBlock


def parse(language: str, text: str) -> Block:
    """The block of a fence. Raises Invalid naming the option that is wrong, and the fix."""
    reader = _KINDS.get(language)
    if reader is None:
        known = ", ".join(_KINDS)
        raise Invalid(f"{language[:60]!r} is no block of a report: use one of {known}.")
    read, known_options = reader
    return read(_options(text, known_options))


def _options(text: str, known: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise Invalid(f"Line {number} is {line[:60]!r}: write 'option: value'.")
        if name not in known:
            raise Invalid(f"{name[:60]!r} is no option here; known are {', '.join(known)}.")
        if name in found:
            raise Invalid(f"{name} is given twice: keep one of the lines.")
        if len(value) > LONGEST:
            raise Invalid(f"{name} is {len(value)} characters long; the limit is {LONGEST}.")
        found[name] = value
    return found


def _panel(options: Mapping[str, str]) -> Panel:
    metric = options.get("metric", "")
    if not metric:
        raise Invalid("metric is missing: write 'metric: train/loss', a metric of the runs.")
    return Panel(
        title=options.get("title") or metric,
        runs=_runs(options),
        metric=metric,
        x=_choice(options, "x", AXES),
        log=_choice(options, "log", ("no", "yes")) == "yes",
        smooth=_smooth(options.get("smooth", "")),
        limit=_whole(options, "limit", default=10, most=MOST_CURVES),
    )


def _verdict(options: Mapping[str, str]) -> VerdictBlock:
    names = ("evaluation", "metric", "step", "interval")
    return VerdictBlock(
        title=options.get("title", ""),
        runs=_runs(options),
        baseline=options.get("baseline", ""),
        controls=tuple((name, options[name]) for name in names if options.get(name)),
    )


def _table(options: Mapping[str, str]) -> RunsBlock:
    names = [one.strip() for one in options.get("columns", "").split(",") if one.strip()]
    if len(names) > MOST_COLUMNS:
        raise Invalid(f"columns names {len(names)}; the limit is {MOST_COLUMNS}.")
    columns = []
    for name in names:
        column = column_of(name)
        if column is None:
            raise Invalid(
                f"columns: {name[:60]!r} is no column; use status, tags, seed, group, created, "
                "duration, params.KEY, metrics.KEY, metrics.KEY(min) or metrics.KEY(max)."
            )
        columns.append(column)
    sort = options.get("sort", "")
    return RunsBlock(
        title=options.get("title", ""),
        runs=_runs(options),
        columns=tuple(columns),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        limit=_whole(options, "limit", default=20, most=MOST_ROWS),
    )


_Reader = tuple[Callable[[Mapping[str, str]], Block], tuple[str, ...]]
_KINDS: Mapping[str, _Reader] = {
    "metascope-panel": (_panel, ("runs", "metric", "x", "log", "smooth", "title", "limit")),
    "metascope-verdict": (
        _verdict,
        ("runs", "baseline", "evaluation", "metric", "step", "interval", "title"),
    ),
    "metascope-runs": (_table, ("runs", "columns", "sort", "limit", "title")),
}
MOST_IDS = max(MOST_COMPARED, MOST_CURVES, MOST_ROWS)


def _runs(options: Mapping[str, str]) -> RunSet:
    text = options.get("runs", "")
    if _IDS.fullmatch(text):
        found = tuple(dict.fromkeys(one.strip() for one in text.split(",")))
        if len(found) > MOST_IDS:
            raise Invalid(f"runs names {len(found)} runs; the limit is {MOST_IDS}.")
        return RunSet(found, "")
    return RunSet((), text)


def _choice(options: Mapping[str, str], name: str, known: tuple[Word, ...]) -> Word:
    value = options.get(name) or known[0]
    found = next((one for one in known if one == value), None)
    if found is None:
        raise Invalid(f"{name} is {value[:60]!r}: use {' or '.join(known)}.")
    return found


def _smooth(text: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = -1
    if not 0 <= value <= 0.99:
        raise Invalid(f"smooth is {text[:60]!r}: use a number from 0 to 0.99.")
    return value


def _whole(options: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = options.get(name) or str(default)
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= value <= most:
        raise Invalid(f"{name} is {text[:60]!r}: use a whole number from 1 to {most}.")
    return value
