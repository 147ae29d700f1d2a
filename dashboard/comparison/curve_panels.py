"""Which metrics the curves section draws, by the first part of their key."""

from dataclasses import dataclass

from django.urls import reverse

from dashboard.comparison.selection import Selection
from dashboard.metric_names import natural
from dashboard.panels import GROUP_ORDER, MOST_PANELS, UNGROUPED
from experiments.shapes import SeriesSummary

Summaries = dict[str, dict[str, SeriesSummary]]  # by run and key


@dataclass(frozen=True)
class CurvePanel:
    """One metric, and where its figure comes from."""

    key: str
    src: str

    @property
    def title(self) -> str:
        """The key without the group that stands above it."""
        return self.key.split("/", 1)[-1]


@dataclass(frozen=True)
class CurveGroup:
    name: str
    panels: tuple[CurvePanel, ...]


@dataclass(frozen=True)
class CurvePanels:
    """`left_out` counts the metrics past the limit; `total` those of all runs."""

    groups: tuple[CurveGroup, ...]
    left_out: int
    total: int


def curve_panels(selection: Selection, summaries: Summaries) -> CurvePanels:
    """The metrics of all runs that match the search."""
    keys = {key for of_run in summaries.values() for key in of_run}
    wanted = selection.controls.get("metrics", "").strip().lower()
    found = [key for key in keys if wanted in key.lower()]
    groups: dict[str, list[CurvePanel]] = {}
    for key in sorted(found, key=_place)[:MOST_PANELS]:
        src = f"{reverse('compare_curve')}{selection.chart_query(key=key)}"
        groups.setdefault(group_of(key), []).append(CurvePanel(key, src))
    return CurvePanels(
        tuple(CurveGroup(name, tuple(members)) for name, members in groups.items()),
        max(0, len(found) - MOST_PANELS),
        len(keys),
    )


def group_of(key: str) -> str:
    """The first part of a key: "train" of "train/query_loss"."""
    return key.split("/", 1)[0] if "/" in key else UNGROUPED


def _place(key: str) -> tuple[int, str, list[int | str]]:
    group = group_of(key)
    order = GROUP_ORDER.index(group) if group in GROUP_ORDER else len(GROUP_ORDER)
    return order, group, natural(key)
