"""Media at one step: those of compared runs side by side, those of one run by name."""

from dataclasses import dataclass
from urllib.parse import quote

from django.urls import reverse

from dashboard.comparison.selection import Compared, Selection
from dashboard.media import content, shapes, stored
from dashboard.media.shapes import Cell, Panel
from dashboard.stops import stops
from dashboard.stored_files import RASTER_NAMES
from experiments import reading
from experiments.errors import DomainError
from experiments.reading.media import MediaFile, MediaIndex

VIEWS = ("side", "overlay", "difference")
PANELS = 6  # on a page
PANELS_OF_ONE = 24  # the same of a single run
MOST_RUNS = 24  # side by side in a panel
LARGEST_READ = 2_000_000  # bytes of a file whose content is drawn
FURTHEST = 2**53
CURVES = "curve"  # the kind of which all runs are in one chart
OVERLAID = ("image", "figure", "confusion")  # kinds with more than one view
READ = {
    "table": content.table,
    "confusion": content.confusion,
    "histogram": content.histogram,
    "text": content.text,
}


@dataclass(frozen=True)
class MediaSection:
    """`steps` are where the slider stops; `place` is the stop nearest to `step`."""

    panels: tuple[Panel, ...]
    total: int
    found: int
    is_all: bool
    runs_left_out: int
    steps: tuple[int, ...]
    step: int
    view: str
    page: int
    previous: int | None
    next: int | None
    has_overlays: bool
    is_one: bool  # a single run: nothing stands beside it

    @property
    def place(self) -> int:
        return min(range(len(self.steps)), key=lambda i: abs(self.steps[i] - self.step), default=0)

    @property
    def earlier(self) -> int | None:
        return max((one for one in self.steps if one < self.step), default=None)

    @property
    def later(self) -> int | None:
        return min((one for one in self.steps if one > self.step), default=None)

    @property
    def last_place(self) -> int:
        return max(0, len(self.steps) - 1)


def media_section(selection: Selection) -> MediaSection:
    """Panels whose name holds the text searched for, by kind and name, a page of them."""
    drawn = selection.drawn[:MOST_RUNS]
    index = reading.media_index([one.run for one in drawn], selection.controls.get("media", ""))
    step = step_of(selection, index)
    page = _number(selection.controls.get("mpage", ""), 0)
    page = page if 0 <= page < len(index.names) else 0
    is_one = len(selection.compared) == 1
    most = PANELS_OF_ONE if is_one else PANELS
    view = "side" if is_one else selection.get("mview", VIEWS)
    panels = [
        _panel(selection, drawn, name, index, step) for name in index.names[page : page + most]
    ]
    return MediaSection(
        panels=tuple(shapes.drawn(panels, selection.baseline, view)),
        total=index.total,
        found=len(index.names),
        is_all=index.is_all,
        runs_left_out=len(selection.drawn) - len(drawn),
        steps=stops(index.steps),
        step=step,
        view=view,
        page=page,
        previous=max(0, page - most) if page else None,
        next=page + most if page + most < len(index.names) else None,
        has_overlays=not is_one and any(kind in OVERLAID for kind, _ in index.names),
        is_one=is_one,
    )


def step_of(selection: Selection, index: MediaIndex) -> int:
    """The step that the address asks for, else the last."""
    last = index.steps[-1] if index.steps else 0
    return _number(selection.controls.get("mstep", ""), last)


def _number(text: str, default: int) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 17):
        return default
    return max(-FURTHEST, min(FURTHEST, int(text)))


def _panel(
    selection: Selection,
    drawn: list[Compared],
    name: tuple[str, str],
    index: MediaIndex,
    step: int,
) -> Panel:
    if name[0] == CURVES:
        asked = selection.chart_query(curve=name[1], mstep=str(step))
        return Panel(*name, (), None, reverse("compare_media_curve") + asked)
    cells = []
    for one in drawn:
        media = index.at(name, one.run.pk, step)
        cells.append(Cell(one, None, False, "none") if media is None else _cell(one, media, step))
    reference = next(
        (cell for cell in cells if cell.compared.is_baseline and cell.shown == "picture"), None
    )
    return Panel(*name, tuple(cells), reference)


def _cell(one: Compared, media: MediaFile, step: int) -> Cell:
    shown, route = _look(media)
    found, why = None, ""
    if shown in READ:
        try:
            found = stored.read(one.run, media, READ[shown], largest=LARGEST_READ)
        except (ValueError, DomainError) as error:
            shown, why = "file", str(error)
    src, file = (_address(name, one, media) for name in (route, "run_file_content"))
    return Cell(one, media.step, media.step != step, shown, src, file, found, why)


def _address(name: str, one: Compared, media: MediaFile) -> str:
    return f"{reverse(name, args=[one.run.pk])}?path={quote(media.path, safe='/')}"


def _look(media: MediaFile) -> tuple[str, str]:
    """How a file is shown, and the name of the route that gives it so."""
    path = media.path.lower()
    is_picture = media.kind in ("image", "figure")
    if is_picture and path.endswith(RASTER_NAMES):
        return "picture", "run_file_picture"
    if is_picture and path.endswith(".svg"):
        return "picture", "run_file_drawing"
    if media.kind == "figure" and path.endswith(".plotly.json"):
        return "plot", "run_file_figure"
    if media.kind == "html":
        return "page", "run_file_page"
    if media.kind in ("audio", "video") and not path.endswith(".gif"):
        return "sound" if media.kind == "audio" else "film", "run_file_sound"
    return media.kind if media.kind in READ else "file", "run_file_content"
