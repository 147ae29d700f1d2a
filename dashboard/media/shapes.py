"""Media beside those of other runs: what differs from the baseline, on scales that are one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.comparison.selection import Compared
from dashboard.media.content import Confusion, Histogram, Table
from dashboard.templatetags.formats import figures

WIDTH, HEIGHT = 240, 90  # of a histogram's drawing


@dataclass(frozen=True)
class Cell:
    """A run in a panel. `shown` says how: picture, sound, film, page, plot, table, confusion,
    histogram, text, file or none; `why` says why there is nothing to look at."""

    compared: Compared
    step: int | None
    is_near: bool  # of another step than the one asked for
    shown: str
    src: str = ""
    file: str = ""  # where the file itself is downloaded
    content: Any = None
    why: str = ""


@dataclass(frozen=True)
class Panel:
    """One name of one kind. `reference`: the baseline's picture that overlays lie upon; `src`: of
    the one chart in which all runs are drawn, instead of cells."""

    kind: str
    key: str
    cells: tuple[Cell, ...]
    reference: Cell | None
    src: str = ""


@dataclass(frozen=True)
class ShownTable:
    """Cells with whether they differ from the baseline's in the same row and column."""

    columns: tuple[str, ...]
    rows: list[list[tuple[str, bool]]]
    left_out: int
    differing: int


@dataclass(frozen=True)
class ShownMatrix:
    """Cells as text, with their colour's strength in per cent; negative ones are below."""

    labels: tuple[str, ...]
    rows: list[tuple[str, list[tuple[str, int]]]]
    is_difference: bool
    most: str


@dataclass(frozen=True)
class ShownHistogram:
    """A drawing on the axes that all runs of the panel share."""

    path: str
    low: str
    high: str
    values: int
    nonfinite: int


def drawn(panels: Iterable[Panel], baseline: Compared, view: str) -> Iterator[Panel]:
    """The panels with contents made ready for the page."""
    for panel in panels:
        contents = [cell.content for cell in panel.cells]
        reference = next((cell.content for cell in panel.cells if cell.compared == baseline), None)
        cells = tuple(
            replace(cell, content=_shown(cell.content, contents, reference, view))
            for cell in panel.cells
        )
        yield replace(panel, cells=cells)


def _shown(content: Any, contents: Sequence[Any], reference: Any, view: str) -> Any:
    if isinstance(content, Table):
        return shown_table(content, reference if isinstance(reference, Table) else None)
    if isinstance(content, Confusion):
        matrices = [one for one in contents if isinstance(one, Confusion)]
        base = reference if isinstance(reference, Confusion) and view == "difference" else None
        return shown_matrix(content, matrices, base)
    if isinstance(content, Histogram):
        return shown_histogram(content, [one for one in contents if isinstance(one, Histogram)])
    return content


def shown_table(table: Table, reference: Table | None) -> ShownTable:
    """Row by row against the reference, columns by their names."""
    places = {name: place for place, name in enumerate(reference.columns)} if reference else {}
    rows = []
    for number, row in enumerate(table.rows):
        beside = reference.rows[number] if reference and number < len(reference.rows) else ()
        cells = []
        for name, text in zip(table.columns, row, strict=False):
            place = places.get(name, -1)
            same = 0 <= place < len(beside) and beside[place] == text
            cells.append((text, reference is not None and not same))
        rows.append(cells)
    differing = sum(differs for row in rows for _, differs in row)
    return ShownTable(table.columns, rows, table.left_out, differing)


def shown_matrix(
    matrix: Confusion, all_of_panel: Sequence[Confusion], base: Confusion | None
) -> ShownMatrix:
    """Counts on one colour scale; against a base of the same classes, what is more and less."""
    is_difference = base is not None and base.labels == matrix.labels
    if base is not None and is_difference:
        grids = [_less(one, base) for one in all_of_panel if one.labels == base.labels]
        mine = _less(matrix, base)
    else:
        grids = [one.counts for one in all_of_panel]
        mine = matrix.counts
    most = max((abs(value) for grid in grids for row in grid for value in row), default=0.0)
    rows = [
        (label, [(_text(value, is_difference), round(100 * value / (most or 1))) for value in row])
        for label, row in zip(matrix.labels, mine, strict=True)
    ]
    return ShownMatrix(matrix.labels, rows, is_difference, figures(most))


def _less(matrix: Confusion, base: Confusion) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(value - other for value, other in zip(row, beside, strict=True))
        for row, beside in zip(matrix.counts, base.counts, strict=True)
    )


def _text(value: float, is_difference: bool) -> str:
    return f"+{figures(value)}" if is_difference and value > 0 else figures(value)


def shown_histogram(one: Histogram, all_of_panel: Sequence[Histogram]) -> ShownHistogram:
    """Bars of density over the range of all histograms of the panel."""
    low = min(found.edges[0] for found in all_of_panel)
    high = max(found.edges[-1] for found in all_of_panel)
    top = max((share for found in all_of_panel for share in found.shares), default=0.0) or 1.0
    width = (high - low) or 1.0
    parts = []
    for share, left, right in zip(one.shares, one.edges, one.edges[1:], strict=False):
        x = WIDTH * (left - low) / width
        across = max(0.5, WIDTH * (right - left) / width)
        tall = HEIGHT * share / top
        if tall > 0:
            parts.append(f"M{x:.1f} {HEIGHT}v{-tall:.1f}h{across:.1f}v{tall:.1f}z")
    return ShownHistogram(
        "".join(parts), figures(low), figures(high), int(sum(one.counts)), one.nonfinite
    )
