"""The same metric of several runs: the difference to the baseline, and which is best."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.directions import Direction
from experiments.shapes import SeriesSummary

Stat = Literal["last", "min", "max"]
STATS: tuple[Stat, ...] = ("last", "min", "max")
Summaries = Mapping[str, SeriesSummary]  # of one run, by metric
DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class NumberCell:
    """`delta` is value - baseline's; None where either is missing or not finite. `change` says
    what a delta means where the metric's direction is known."""

    value: float | None
    step: int | None
    points: int
    delta: float | None
    change: Literal["better", "worse", ""]
    is_best: bool


@dataclass(frozen=True)
class NumberRow:
    key: str
    direction: Direction
    cells: tuple[NumberCell, ...]


def natural(key: str) -> list[int | str]:
    """Sorts "step_5" before "step_10"."""
    return [int(part) if part.isdecimal() else part for part in DIGITS.split(key)]


def row(
    key: str, direction: Direction, runs: Sequence[Summaries], *, stat: Stat, baseline: int
) -> NumberRow:
    """A metric of these runs, each against the one at place `baseline`."""
    found = [number_of(of_run.get(key), stat) for of_run in runs]
    finite = [value for value, _ in found if value is not None and math.isfinite(value)]
    best = {"min": min, "max": max}[direction](finite, default=None) if direction else None
    base = found[baseline][0]
    cells = []
    for place, (value, step) in enumerate(found):
        summary = runs[place].get(key)
        delta = _delta(value, base)
        cells.append(
            NumberCell(
                value=value,
                step=step,
                points=summary.count if summary else 0,
                delta=None if place == baseline else delta,
                change=_change(delta, direction),
                is_best=value is not None and value == best and len(finite) > 1,
            )
        )
    return NumberRow(key, direction, tuple(cells))


def number_of(summary: SeriesSummary | None, stat: Stat) -> tuple[float | None, int | None]:
    """The last, least or most of a metric, and its step."""
    if summary is None:
        return None, None
    if stat == "last":
        return summary.last, summary.last_step
    if stat == "min":
        return summary.least, summary.least_step
    return summary.most, summary.most_step


def _delta(value: float | None, base: float | None) -> float | None:
    if value is None or base is None or not math.isfinite(value) or not math.isfinite(base):
        return None
    return value - base


def _change(delta: float | None, direction: Direction) -> Literal["better", "worse", ""]:
    if not delta or not direction:
        return ""
    return "better" if (delta < 0) == (direction == "min") else "worse"
