"""Which metrics the curves section draws, by the first part of their key; few at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from dashboard.chart_query import METRIC
from dashboard.comparison.choices import choices
from dashboard.comparison.selection import Selection
from dashboard.metric_names import natural
from dashboard.panels import parted, place_of

AT_ONCE = 24  # panels of a group; more come when the reader gets to their end
PROGRESS = ("epoch", "episode", "sample", "example", "token", "frame", "env_step", "update")
OPEN = 60  # panels of the groups that are open until the reader folds them


@dataclass(frozen=True)
class CurvePanel:
    """One metric, and where its figure comes from; scripts add the runs."""

    key: str

    @property
    def src(self) -> str:
        return f"{reverse('compare_curve')}?{urlencode({'key': self.key})}"

    @property
    def title(self) -> str:
        """The key without the group that stands above it."""
        return parted(self.key)[1]


@dataclass(frozen=True)
class CurveGroup:
    """Some panels of the group; `more_src` is where those after them come from, if any are."""

    name: str
    panels: tuple[CurvePanel, ...]
    total: int
    left: int
    more_src: str
    is_open: bool = True


@dataclass(frozen=True)
class CurvePanels:
    """`found` counts the metrics that match the search, `total` those of all runs."""

    groups: tuple[CurveGroup, ...]
    found: int
    total: int


def matching(selection: Selection, keys: Collection[str]) -> list[str]:
    """The metrics that the search of the page finds."""
    wanted = selection.controls.get("metrics", "").strip().lower()
    return [key for key in keys if wanted in key.lower()]


def curve_panels(selection: Selection, keys: Collection[str]) -> CurvePanels:
    """Every group of the metrics that match, with its first panels if it is open."""
    found = matching(selection, keys)
    folded = set(selection.controls.get("folds", "").split(","))
    groups: list[CurveGroup] = []
    passed = 0
    for name, members in _by_group(found).items():
        begins_open = not groups or passed + len(members) <= OPEN
        passed += len(members)
        is_open = begins_open != (name in folded)
        first = members[:AT_ONCE] if is_open else []
        groups.append(_group(selection, name, first, members, is_open=is_open))
    return CurvePanels(tuple(groups), len(found), len(keys))


def next_panels(selection: Selection, keys: Collection[str], group: str, after: str) -> CurveGroup:
    """The panels of a group that follow the metric `after`; the first of it without one."""
    members = _by_group(matching(selection, keys)).get(group, [])
    start = 0 if not after else sum(_place(key) <= _place(after) for key in members)
    return _group(selection, group, members[start : start + AT_ONCE], members)


def _group(
    selection: Selection,
    name: str,
    shown: Sequence[str],
    members: Sequence[str],
    *,
    is_open: bool = True,
) -> CurveGroup:
    last = shown[-1] if shown else ""
    left = len(members) - (members.index(last) + 1 if last else 0)
    asked = {"metrics": selection.controls.get("metrics", ""), "group": name, "after": last}
    query = selection.chart_query(**{key: value for key, value in asked.items() if value})
    more_src = f"{reverse('compare_panels')}{query}" if left else ""
    panels = tuple(CurvePanel(key) for key in shown)
    return CurveGroup(name, panels, len(members), left, more_src, is_open)


def _by_group(keys: Collection[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key in sorted(keys, key=_place):
        groups.setdefault(parted(key)[0], []).append(key)
    return groups


def _place(key: str) -> tuple[int, str, list[int | str]]:
    return *place_of(parted(key)[0]), natural(key)


def axis_metrics(selection: Selection, keys: Collection[str]) -> tuple[str, ...]:
    """The metrics to draw against: those that count how far a run is first."""

    def place(key: str) -> tuple[bool, list[int | str]]:
        last = key.rpartition("/")[2].lower()
        return not last.removesuffix("s").endswith(PROGRESS), natural(key)

    chosen = selection.controls.get("x", "").removeprefix(METRIC)
    return choices(sorted(keys, key=place), chosen)
