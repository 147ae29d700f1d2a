"""Media of the compared runs side by side, at one step."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from django.urls import reverse

from dashboard.comparison import media_content, media_shapes
from dashboard.comparison.media_shapes import Cell, Panel
from dashboard.comparison.selection import Compared, Selection
from dashboard.stored_files import RASTER_NAMES
from experiments import blobs, files, reading
from experiments.errors import DomainError
from experiments.reading.media import MediaFile

VIEWS = ("side", "overlay", "difference")
PANELS = 6  # on a page
MOST_RUNS = 24  # side by side in a panel
LARGEST_READ = 2_000_000  # bytes of a file whose content is drawn
MOST_STOPS = 1_000  # of the slider; steps between them can be typed
FURTHEST = 2**53
READ = {
    "table": media_content.table,
    "confusion": media_content.confusion,
    "histogram": media_content.histogram,
    "text": media_content.text,
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
    found, is_all = reading.media_of([one.run for one in drawn])
    groups: dict[tuple[str, str], dict[str, list[MediaFile]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for media in found:
        groups[media.kind, media.key][media.run_id].append(media)
    wanted = selection.controls.get("media", "").strip().lower()
    names = sorted(one for one in groups if wanted in "/".join(one).lower())
    steps = sorted({one.step for one in found if (one.kind, one.key) in set(names)})
    step = _number(selection.controls.get("mstep", ""), steps[-1] if steps else 0)
    page = _number(selection.controls.get("mpage", ""), 0)
    page = page if 0 <= page < len(names) else 0
    view = selection.get("mview", VIEWS)
    shown = names[page : page + PANELS]
    panels = [_panel(selection, drawn, name, groups[name], step) for name in shown]
    return MediaSection(
        panels=tuple(media_shapes.drawn(panels, selection.baseline, view)),
        total=len(groups),
        found=len(names),
        is_all=is_all,
        runs_left_out=len(selection.drawn) - len(drawn),
        steps=_stops(steps),
        step=step,
        view=view,
        page=page,
        previous=max(0, page - PANELS) if page else None,
        next=page + PANELS if page + PANELS < len(names) else None,
        has_overlays=any(kind in ("image", "figure", "confusion") for kind, _ in names),
    )


def _number(text: str, default: int) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 17):
        return default
    return max(-FURTHEST, min(FURTHEST, int(text)))


def _stops(steps: Sequence[int]) -> tuple[int, ...]:
    """All steps, or so many of them at equal distances, the last among them."""
    if len(steps) <= MOST_STOPS:
        return tuple(steps)
    apart = (len(steps) - 1) / (MOST_STOPS - 1)
    return tuple(steps[round(apart * place)] for place in range(MOST_STOPS))


def _panel(
    selection: Selection,
    drawn: Sequence[Compared],
    name: tuple[str, str],
    found: dict[str, list[MediaFile]],
    step: int,
) -> Panel:
    cells = []
    for one in drawn:
        media = reading.nearest(found.get(one.run.pk, ()), step)
        cells.append(Cell(one, None, False, "none") if media is None else _cell(one, media, step))
    reference = next(
        (cell for cell in cells if cell.compared.is_baseline and cell.shown == "picture"), None
    )
    return Panel(*name, tuple(cells), reference)


def _cell(one: Compared, media: MediaFile, step: int) -> Cell:
    shown, src = _look(one, media)
    content, why = None, ""
    if shown in READ:
        try:
            content = READ[shown](_bytes(one, media))
        except (ValueError, DomainError) as error:
            shown, why = "file", str(error)
    return Cell(one, media.step, media.step != step, shown, src, content, why)


def _look(one: Compared, media: MediaFile) -> tuple[str, str]:
    """How a file is shown, and from which address."""
    route = {"audio": "sound", "video": "film", "html": "page"}.get(media.kind, "")
    if media.kind in ("image", "figure") and media.path.lower().endswith(RASTER_NAMES):
        shown, name = "picture", "run_file_picture"
    elif route == "page":
        shown, name = route, "run_file_page"
    elif route and not media.path.lower().endswith(".gif"):
        shown, name = route, "run_file_sound"
    elif media.kind in READ:
        shown, name = media.kind, "run_file_content"
    else:
        shown, name = "file", "run_file_content"
    return shown, f"{reverse(name, args=[one.run.pk])}?path={quote(media.path, safe='/')}"


def _bytes(one: Compared, media: MediaFile) -> bytes:
    blob = files.blob_of(reading.media_file(one.run, media))
    if blob.size > LARGEST_READ:
        raise ValueError(f"{blob.size:,} bytes are too many to draw")
    return blobs.read(blob.sha256)
