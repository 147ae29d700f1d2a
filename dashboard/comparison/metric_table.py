"""All numbers: last, least or most of every metric, with the difference to the baseline."""

import csv
import io
import math
from dataclasses import dataclass
from typing import Literal

from dashboard.comparison.curve_panels import Summaries
from dashboard.comparison.selection import Selection
from dashboard.metric_names import Direction, direction_of_name, natural
from experiments.shapes import SeriesSummary

Stat = Literal["last", "min", "max"]
STATS: tuple[Stat, ...] = ("last", "min", "max")


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


def metric_rows(selection: Selection, summaries: Summaries, stat: Stat) -> list[NumberRow]:
    """One row per metric of any run, by key."""
    keys = sorted({key for of_run in summaries.values() for key in of_run}, key=natural)
    return [_row(selection, summaries, key, stat) for key in keys]


def direction_of(key: str, selection: Selection) -> Direction:
    """Whether lower or higher is better: what a project says of its main metric, else by name."""
    for run in selection.runs:
        if run.project.main_metric == key:
            return "max" if run.project.main_metric_direction == "max" else "min"
    return direction_of_name(key)


def metrics_csv(selection: Selection, summaries: Summaries) -> str:
    """One line per metric and run with every number, as RFC 4180 text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["metric", "letter", "run", "name", "points", "not_finite", "last", "last_step",
         "min", "min_step", "max", "max_step"]
    )  # fmt: skip
    for key in sorted({key for of_run in summaries.values() for key in of_run}, key=natural):
        for one in selection.compared:
            if summary := summaries[one.run.pk].get(key):
                writer.writerow(
                    [_plain(key), one.letter, one.run.pk, _plain(one.run.name), *_numbers(summary)]
                )
    return out.getvalue()


def _numbers(one: SeriesSummary) -> list[object]:
    return [one.count, one.nonfinite, one.last, one.last_step, one.least, one.least_step,
            one.most, one.most_step]  # fmt: skip


def _plain(text: str) -> str:
    """Names that a spreadsheet would run as a formula get a leading apostrophe."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def _row(selection: Selection, summaries: Summaries, key: str, stat: Stat) -> NumberRow:
    direction = direction_of(key, selection)
    found = [_number(summaries[run_id].get(key), stat) for run_id in selection.ids]
    finite = [value for value, _ in found if value is not None and math.isfinite(value)]
    best = {"min": min, "max": max}[direction](finite, default=None) if direction else None
    base = found[selection.baseline_place][0]
    cells = []
    for one, (value, step) in zip(selection.compared, found, strict=True):
        summary = summaries[one.run.pk].get(key)
        delta = _delta(value, base)
        cells.append(
            NumberCell(
                value=value,
                step=step,
                points=summary.count if summary else 0,
                delta=None if one.is_baseline else delta,
                change=_change(delta, direction),
                is_best=value is not None and value == best and len(finite) > 1,
            )
        )
    return NumberRow(key, direction, tuple(cells))


def _number(summary: SeriesSummary | None, stat: Stat) -> tuple[float | None, int | None]:
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
