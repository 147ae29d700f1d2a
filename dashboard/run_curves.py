"""One metric of several runs as curves, each run in its colour."""

from collections.abc import Mapping, Sequence

from dashboard.charts.learning_curves import Curve
from dashboard.charts.theme import DASHES
from experiments.models import Run
from experiments.shapes import SeriesView


def run_curves(runs: Mapping[str, Run], views: Sequence[SeriesView]) -> list[Curve]:
    """Each run in its colour; runs here that share one differ by dash."""
    drawn: list[Curve] = []
    for view in views:
        run = runs[view.run_id]
        color = f"run-{run.color_slot}"
        dash = DASHES[sum(one.color == color for one in drawn) % len(DASHES)]
        drawn.append(Curve(view, run.name, color, dash))
    return drawn
