"""Which charts a run's metrics make: one per key, but one for all inner steps of a quantity."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from dashboard.metric_names import counted_in, direction_of_name, inner_step, stem_of
from experiments.directions import MACHINE
from experiments.shapes import SeriesSummary

GROUP_ORDER = ("train", "val", "valid", "validation", "test", "outer", "fine_tuning")
LAST = "system"  # what the machine did comes after what the run is about
OVERVIEW_PANELS = 4
AT_ONCE = 24  # panels of a group; more come when the reader gets to their end
OPEN = 60  # panels of the groups that are open until the reader folds them
UNGROUPED = "other"
_SLASH = re.compile(r"<[^<>]*>|/")


@dataclass(frozen=True)
class Panel:
    """One chart: its keys, and the number beside its title."""

    title: str
    unit: str
    keys: tuple[str, ...]
    last: float | None
    is_log: bool  # how its values are drawn until the reader chooses
    is_curve: bool  # more than one point in a series

    def src(self, run_id: str) -> str:
        """Where its figure comes from."""
        return f"{reverse('run_curve', args=[run_id])}?{urlencode([('key', k) for k in self.keys])}"


@dataclass(frozen=True)
class PanelGroup:
    name: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class ShownGroup:
    """Some panels of a group, and how many of it are left after them."""

    group: PanelGroup
    panels: tuple[Panel, ...]
    left: int
    is_open: bool = True

    @property
    def last(self) -> str:
        """The title that the panels left follow."""
        return self.panels[-1].title if self.panels else ""


def panel_groups(summaries: Iterable[SeriesSummary]) -> list[PanelGroup]:
    """Panels of every metric, also of one point or none that is finite, by the first part of the
    key."""
    families: dict[str, list[SeriesSummary]] = {}
    for summary in summaries:
        families.setdefault(stem_of(summary.key), []).append(summary)
    groups: dict[str, list[Panel]] = {}
    for stem, members in families.items():
        groups.setdefault(parted(stem)[0], []).append(_panel(stem, members))
    return [PanelGroup(name, tuple(groups[name])) for name in sorted(groups, key=place_of)]


def shown_groups(groups: Iterable[PanelGroup], folded: Collection[str]) -> list[ShownGroup]:
    """Every group with its first panels if it is open: the first ones are, but for those that the
    reader has `folded` otherwise."""
    shown: list[ShownGroup] = []
    passed = 0
    for group in groups:
        passed += len(group.panels)
        is_open = (not shown or passed <= OPEN) != (group.name in folded)
        first = group.panels[:AT_ONCE] if is_open else ()
        shown.append(ShownGroup(group, first, len(group.panels) - len(first), is_open))
    return shown


def next_panels(groups: Iterable[PanelGroup], name: str, after: str) -> ShownGroup:
    """The panels of a group that follow the one of the title `after`; the first without one."""
    empty = PanelGroup(name, ())
    group = next((one for one in groups if one.name == name), empty)
    titles = [panel.title for panel in group.panels]
    start = titles.index(after) + 1 if after in titles else 0
    panels = group.panels[start : start + AT_ONCE]
    return ShownGroup(group, panels, len(group.panels) - start - len(panels))


def overview(groups: Iterable[PanelGroup], main_metric: str) -> list[Panel]:
    """The few panels that say most: of training before those of the machine, curves before single
    points; of both the main metric's, then losses and accuracies, then norms."""
    panels = [panel for group in groups for panel in group.panels]

    def weight(panel: Panel) -> tuple[bool, bool, int, int]:
        if main_metric and main_metric in panel.keys:
            return (False, not panel.is_curve, 0, 0)
        key = panel.keys[0]
        of_machine = key.startswith(MACHINE)
        hints = ("query_acc", "acc", "query_loss", "loss", "reward", "norm")
        kind = next((i for i, hint in enumerate(hints) if hint in key), len(hints))
        return (of_machine, not panel.is_curve, 1, kind)

    return sorted(panels, key=weight)[:OVERVIEW_PANELS]


def parted(key: str) -> tuple[str, str]:
    """The group of a key and the rest of it: "train" and "loss" of "train/loss". A slash within
    "<...>" parts nothing."""
    slash = next((one.start() for one in _SLASH.finditer(key) if one[0] == "/"), None)
    return (UNGROUPED, key) if slash is None else (key[:slash], key[slash + 1 :])


def place_of(group: str) -> tuple[int, str]:
    """What groups are sorted by."""
    order = GROUP_ORDER.index(group) if group in GROUP_ORDER else len(GROUP_ORDER)
    return order + (group == LAST), group


def _panel(stem: str, members: list[SeriesSummary]) -> Panel:
    members = sorted(members, key=lambda one: (inner_step(one.key) or 0, one.key))
    steps = [str(step) for one in members if (step := inner_step(one.key)) is not None]
    unit = f"after {', '.join(steps)} {counted_in(members[-1].key)}" if steps else ""
    return Panel(
        title=stem,
        unit=unit,
        keys=tuple(one.key for one in members),
        last=members[-1].last,
        is_log=direction_of_name(stem) != "max"
        and all(one.least is not None and one.least > 0 for one in members),
        is_curve=any(one.count > 1 for one in members),
    )
