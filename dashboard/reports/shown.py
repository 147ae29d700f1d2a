"""What a page of a report shows, piece by piece."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from dashboard.charts.drawing import draw
from dashboard.charts.svg import svg
from dashboard.reports import figures
from dashboard.reports.blocks import Panel, RunsBlock, VerdictBlock
from dashboard.reports.figures import Drawn, Judged, Listed
from dashboard.reports.pieces import Piece, pieces
from experiments import search
from experiments.errors import DomainError
from experiments.models import Project
from experiments.shapes import SeriesSummary

# From the number of a panel to the folder of its addresses.
Address = Callable[[int], str]


@dataclass(frozen=True)
class CurveRow:
    """What a line is, and its numbers: the table behind a chart."""

    name: str
    color: str
    dash: str
    summary: SeriesSummary


@dataclass(frozen=True)
class Shown:
    """A piece with what its kind needs: text, live, drawn, verdict, runs or problem."""

    kind: str
    piece: Piece
    title: str = ""
    src: str = ""  # of a live chart
    picture: str = ""  # of it, as a file
    svg: SafeString = SafeString("")
    drawn: Drawn | None = None
    curves: tuple[CurveRow, ...] = ()
    judged: Judged | None = None
    listed: Listed | None = None
    problem: str = ""
    pointed: str = ""  # where in a filter: its text, and a caret below


def shown(project: Project, text: str, *, live: Address | None = None) -> list[Shown]:
    """All of a report. Panels are charts that scripts fetch where `live` says, else pictures."""
    return list(_shown(project, text, live))


def _shown(project: Project, text: str, live: Address | None) -> Iterator[Shown]:
    for piece in pieces(text):
        if piece.problem:
            yield Shown("problem", piece, problem=piece.problem)
        elif piece.block is None:
            yield Shown("text", piece)
        else:
            try:
                yield _of_block(project, piece, live)
            except search.InvalidFilter as error:
                said = f"runs: {error.message.removeprefix('filter: ')}"
                pointed = str(error.details["caret"])
                yield Shown("problem", piece, problem=said, pointed=pointed)
            except DomainError as error:
                yield Shown("problem", piece, problem=error.message)


def _of_block(project: Project, piece: Piece, live: Address | None) -> Shown:
    block = piece.block
    if isinstance(block, Panel):
        return _panel(project, piece, block, live)
    if isinstance(block, VerdictBlock):
        judged = figures.judged(project, block)
        return Shown("verdict", piece, title=block.title or "Verdict", judged=judged)
    assert isinstance(block, RunsBlock)
    return Shown("runs", piece, title=block.title or "Runs", listed=figures.listed(project, block))


def _panel(project: Project, piece: Piece, panel: Panel, live: Address | None) -> Shown:
    if live is not None:
        search.parse(panel.runs.filters, project=project)  # said here, not in a chart's place
        folder = live(piece.place)
        asked = {"x": panel.x} | ({"smooth": f"{panel.smooth:g}"} if panel.smooth else {})
        return Shown(
            "live",
            piece,
            title=panel.title,
            src=f"{folder}?{urlencode(asked)}",
            picture=f"{folder}picture.svg",
        )
    found = figures.drawn(project, panel)
    return Shown(
        "drawn",
        piece,
        title=panel.title,
        # What the renderer of pictures made; it escapes all that it was given.
        svg=SafeString("" if found.empty else picture(found, panel.title)),
        drawn=found,
        curves=curve_rows(found),
    )


def picture(found: Drawn, title: str) -> str:
    """The chart as SVG."""
    names = ", ".join(curve.name for curve in found.curves)
    return svg(draw(found.figure), label=f"Chart of {title}: {names}")


def curve_rows(found: Drawn) -> tuple[CurveRow, ...]:
    """Every line with its numbers."""
    return tuple(
        CurveRow(one.name, f"var(--{one.color})", one.dash, found.summaries[one.view.run_id])
        for one in found.curves
    )
