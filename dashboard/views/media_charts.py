"""Media that are drawn as charts: curves of runs, and Plotly figures."""

import numpy as np
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts.media_curves import MOST_POINTS, MediaCurve, media_curves
from dashboard.comparison.selection import Compared, Selection, selection_of
from dashboard.media import content, stored
from dashboard.media.plotly_figures import drawn_figure
from dashboard.media.section import CURVES, LARGEST_READ, MOST_RUNS, step_of
from dashboard.requests import SignedIn
from dashboard.scope import run_of
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments import blobs, files, reading
from experiments.errors import NotFound
from experiments.reading.media import FOLDER, MediaFile, MediaIndex

FIGURES = f"{FOLDER}/figure/"


@require_safe
def curves(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&curve=pr&mstep=100`: what the runs logged as the curve of that name, each at the
    step or the nearest it has."""
    selection = selection_of(request, documents=False)
    key = request.GET.get("curve", "")
    drawn = selection.drawn[:MOST_RUNS]
    index = reading.media_index([one.run for one in drawn], f"{CURVES}/{key}")
    found = [(one, media) for one in drawn if (media := _curve_of(selection, index, one, key))]
    lines: list[MediaCurve] = []
    notes: list[str] = []
    titles = ("x", "y")
    for one, media in found:
        letter = "" if len(selection.compared) == 1 else f"{one.letter} "
        try:
            curve = stored.read(one.run, media, content.curve, largest=LARGEST_READ)
        except (ValueError, NotFound) as error:
            notes.append(f"{letter}not drawn: {error}")
            continue
        titles = titles if lines else (curve.x_title, curve.y_title)
        lines.append(
            MediaCurve(np.array(curve.x), np.array(curve.y), one.label, one.slot, one.dash)
        )
        thinned = f", {MOST_POINTS:,} of {len(curve.x):,} points" * (len(curve.x) > MOST_POINTS)
        notes.append(f"{letter}step {media.step:,}{thinned}")
    note = "; ".join(notes)
    if not lines:
        empty = f"No curve to draw: {note or 'nothing of this name'}."
        return chart_answer(None, empty=empty, live=False)
    legend = [LegendEntry(line.name, f"var(--run-{line.slot})", line.dash) for line in lines]
    figure = media_curves(lines, x_title=titles[0], y_title=titles[1])
    return chart_answer(figure, note=f"{note}.", legend=legend if len(found) > 1 else ())


def _curve_of(selection: Selection, index: MediaIndex, one: Compared, key: str) -> MediaFile | None:
    step = step_of(selection, index)
    return index.at((CURVES, key), one.run.pk, step) if (CURVES, key) in index.names else None


@require_safe
def figure(request: SignedIn, run_id: str) -> HttpResponse:
    """`?path=media/figure/...plotly.json`: a Plotly figure, drawn from its plain data alone."""
    run = run_of(request, run_id)
    path = request.GET.get("path", "")
    blob = files.blob_of(files.find(run.files, path))
    if not (path.startswith(FIGURES) and path.endswith(".plotly.json")):
        raise NotFound(f"{path[:200]!r} is no Plotly figure.")
    try:
        if blob.size > LARGEST_READ:
            raise ValueError(f"{blob.size:,} bytes are too many to draw")
        drawn = drawn_figure(blobs.read(blob.sha256))
    except ValueError as error:
        return chart_answer(None, empty=f"Not drawn: {error}. The file can be downloaded.")
    legend = [LegendEntry(name, color) for name, color in drawn.names]
    return chart_answer(
        drawn.figure, note=drawn.note, legend=legend if len(drawn.figure["data"]) > 1 else ()
    )
