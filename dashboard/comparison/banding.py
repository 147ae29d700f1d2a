"""The curves of compared runs, group by group."""

from collections.abc import Sequence

from dashboard.chart_query import ChartQuery
from dashboard.charts.learning_curves import line_of, places_of
from dashboard.charts.run_bands import BandCurve
from dashboard.comparison.group_view import over_of
from dashboard.comparison.selection import Selection
from experiments.comparing.bands import BandMethod, band
from experiments.comparing.groups import group
from experiments.shapes import SeriesView


def banded(
    selection: Selection, views: Sequence[SeriesView], query: ChartQuery, method: BandMethod
) -> list[BandCurve]:
    """One curve for each group of the runs drawn, in the look of its first run. Runs of a seed
    that a newer run has too take no part."""
    compared = {one.run.pk: one for one in selection.drawn}
    by_run = {view.run_id: view for view in views}
    curves = []
    for found in group([one.run for one in selection.drawn], over_of(selection)):
        lines = [
            (places_of(view, query.axis), line_of(view))
            for run_id in found.run_ids
            if (view := by_run.get(run_id)) is not None and len(view.x)
        ]
        if not lines:
            continue
        first = compared[found.key]
        curves.append(
            BandCurve(
                band(lines, method, width=query.width),
                f"{first.letter} {found.name}",
                f"run-{first.slot}",
                first.dash,
                first.letter,
                len(lines),
                len(found.superseded),
            )
        )
    return curves
