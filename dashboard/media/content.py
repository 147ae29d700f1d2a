"""What media files say, as plain data: tables, matrices, histograms, curves, texts.

Files come from strangers: whatever has another shape than its kind raises ValueError.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.templatetags.formats import figures

MOST_ROWS = 100  # of a table; longer ones are cut, and say so
MOST_COLUMNS = 30
MOST_CLASSES = 60
MOST_BINS = 512
LARGEST_NUMBER = 1e15
MOST_CHARACTERS = 20_000  # of a text, and 300 of a cell


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True)
class Confusion:
    """Rows are true classes, columns predicted ones."""

    labels: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]

    @property
    def most(self) -> float:
        return max((value for row in self.counts for value in row), default=0.0)


@dataclass(frozen=True)
class Histogram:
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    nonfinite: int

    @property
    def shares(self) -> list[float]:
        """Density: share of the values by unit of the axis, so that bins of any width compare."""
        total = sum(self.counts) or 1.0
        return [
            count / total / ((high - low) or 1.0)
            for count, low, high in zip(self.counts, self.edges, self.edges[1:], strict=False)
        ]


@dataclass(frozen=True)
class Curve:
    """Points of a curve over something else than steps; NaN is a gap."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    x_title: str
    y_title: str


def table(data: bytes) -> Table:
    """A table as `log_table` writes it."""
    found = _document(data)
    columns, rows = found.get("columns"), found.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise ValueError("no table")
    if not all(isinstance(row, list) for row in rows[:MOST_ROWS]):
        raise ValueError("no table")
    return Table(
        tuple(_cell(name) for name in columns[:MOST_COLUMNS]),
        tuple(tuple(_cell(one) for one in row[:MOST_COLUMNS]) for row in rows[:MOST_ROWS]),
        len(rows),
    )


def confusion(data: bytes) -> Confusion:
    """A matrix as `log_confusion_matrix` writes it."""
    found = _document(data)
    labels, counts = found.get("labels"), found.get("counts")
    if not isinstance(labels, list) or not isinstance(counts, list):
        raise ValueError("no confusion matrix")
    if len(labels) > MOST_CLASSES:
        raise ValueError(f"{len(labels)} classes are more than the {MOST_CLASSES} drawn here")
    rows = tuple(tuple(_numbers(row)) for row in counts)
    if len(rows) != len(labels) or any(len(row) != len(labels) for row in rows):
        raise ValueError("no square matrix")
    return Confusion(tuple(_cell(label)[:60] for label in labels), rows)


def histogram(data: bytes) -> Histogram:
    """A histogram as `log_histogram` writes it."""
    found = _document(data)
    edges, counts = _numbers(found.get("edges")), _numbers(found.get("counts"))
    if not 1 <= len(counts) <= MOST_BINS or len(edges) != len(counts) + 1:
        raise ValueError("no histogram")
    nonfinite = found.get("nonfinite", 0)
    return Histogram(tuple(edges), tuple(counts), nonfinite if isinstance(nonfinite, int) else 0)


def curve(data: bytes) -> Curve:
    """A curve as `log_curve` writes it; a point of which a place is no finite number is a gap."""
    found = _document(data)
    x, y = _places(found.get("x")), _places(found.get("y"))
    if len(x) != len(y) or not any(map(math.isfinite, map(sum, zip(x, y, strict=True)))):
        raise ValueError("no curve with a finite point")
    titles = (found.get("x_title", "x"), found.get("y_title", "y"))
    return Curve(tuple(x), tuple(y), *(_cell(title)[:80] for title in titles))


def text(data: bytes) -> str:
    """The beginning of a text."""
    return data.decode("utf-8", errors="replace")[:MOST_CHARACTERS]


def _document(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _numbers(value: Any) -> Sequence[float]:
    if not isinstance(value, list):
        raise ValueError("no numbers")
    fits = [one for one in value if _is_number(one) and abs(one) < LARGEST_NUMBER]
    if len(fits) != len(value):
        raise ValueError("no numbers that can be drawn")
    return [float(one) for one in fits]


def _places(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise ValueError("no numbers")
    fits = (one if _is_number(one) and abs(one) < LARGEST_NUMBER else math.nan for one in value)
    return [float(one) for one in fits]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value[:300]
    if _is_number(value):
        return figures(value)[:300]
    return "–" if value is None else json.dumps(value, ensure_ascii=False)[:300]
