"""What the section of single episodes on the compare page shows."""

from collections.abc import Collection
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
from dashboard.comparison.over_training import learned_rates, validated
from dashboard.comparison.selection import Compared, Selection
from dashboard.comparison.way_shot import way_shot_grids
from experiments.models import Evaluation

MOST_HEATS = 10


@dataclass(frozen=True)
class Heat:
    """A heat map of one run: its title, id and address."""

    title: str
    id: str
    src: str


def episodes_section(
    selection: Selection, found: Evaluated, keys: Collection[str]
) -> dict[str, Any]:
    """Spread, A against B, gaps, adaptation over meta-training, learned inner rates, and grids of
    way and shot. `keys` are the metrics of any run."""
    against = against_baseline(selection, found)
    over, rates = validated(selection), learned_rates(selection, keys)
    return {
        "against": against,
        "against_opens": episode_page(against.b, found, against.steps[1]) if against else "",
        "against_unit": _unit(against, found),
        "different": most_different(against, found) if against else [],
        "shares_src": _src("compare_shares", selection, found),
        "scatter_src": reverse("compare_scatter") + selection.query(),
        "gap_src": _src("compare_gap", selection, found),
        "has_gaps": Evaluation.objects.filter(run__in=selection.ids, name="train").exists(),
        "validated_at": over.steps,
        "at_step_src": _src("compare_at_step", selection, found),
        "heats": [_heat(one, "heat", "compare_over_training", selection, found)
                  for one in over.runs[:MOST_HEATS]],
        "rates_at": rates.steps,
        "rates": [_heat(one, "rates", "compare_inner_rates", selection, found)
                  for one in rates.runs[:MOST_HEATS]],
        "heats_left_out": max(len(over.runs), len(rates.runs)) > MOST_HEATS,
        "grids": way_shot_grids(selection, found),
    }  # fmt: skip


def _heat(one: Compared, what: str, name: str, selection: Selection, found: Evaluated) -> Heat:
    src = f"{_src(name, selection, found)}&run={one.run.pk}"
    return Heat(one.label, f"{what} {one.letter}", src)


def _src(name: str, selection: Selection, found: Evaluated) -> str:
    step = "" if found.inner_step is None else str(found.inner_step)
    asked = {"evaluation": found.name, "metric": found.metric, "step": step}
    return reverse(name) + selection.chart_query(
        **{key: value for key, value in asked.items() if value}
    )


def _unit(against: AgainstBaseline | None, found: Evaluated) -> str:
    return f"{found.name} {found.metric}, N = {against.count} common episodes" if against else ""
