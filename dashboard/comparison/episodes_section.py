"""What the section of single episodes on the compare page shows."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from dashboard.comparison.episodes import (
    AgainstBaseline,
    against_baseline,
    episode_page,
    most_different,
)
from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Selection
from dashboard.comparison.way_shot import way_shot_grids
from experiments.models import Evaluation

MOST_HEATS = 10


@dataclass(frozen=True)
class Heat:
    """A heat map of one run: its title, id and address."""

    title: str
    id: str
    src: str


def episodes_section(selection: Selection, found: Evaluated) -> dict[str, Any]:
    """Spread, A against B, gaps, adaptation over meta-training, and grids of way and shot."""
    against = against_baseline(selection, found)
    trained = _validated(selection)
    return {
        "against": against,
        "against_opens": episode_page(against.b, found, against.steps[1]) if against else "",
        "against_unit": _unit(against, found),
        "different": most_different(against, found) if against else [],
        "shares_src": _src("compare_shares", selection, found),
        "scatter_src": reverse("compare_scatter") + selection.query(),
        "gap_src": _src("compare_gap", selection, found),
        "has_gaps": Evaluation.objects.filter(run__in=selection.ids, name="train").exists(),
        "heats": [
            Heat(one.label, f"heat {one.letter}", _src("compare_over_training", selection, found)
                 + f"&run={one.run.pk}")
            for one in selection.compared
            if one.run.pk in trained
        ][:MOST_HEATS],
        "grids": way_shot_grids(selection, found),
    }  # fmt: skip


def _src(name: str, selection: Selection, found: Evaluated) -> str:
    step = "" if found.inner_step is None else str(found.inner_step)
    asked = {"evaluation": found.name, "metric": found.metric, "step": step}
    return reverse(name) + selection.chart_query(
        **{key: value for key, value in asked.items() if value}
    )


def _unit(against: AgainstBaseline | None, found: Evaluated) -> str:
    return f"{found.name} {found.metric}, N = {against.count} common episodes" if against else ""


def _validated(selection: Selection) -> set[str]:
    rows = Evaluation.objects.filter(run__in=selection.ids, name="validation")
    return set(rows.values_list("run_id", flat=True))
