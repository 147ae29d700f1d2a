"""What the run table shows of groups of runs that are alike, instead of runs one by one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from dashboard.baseline import Baseline
from dashboard.comparison.selection import LEAST, MOST
from dashboard.group_cells import cells_of_group, has_cell, shown_value
from dashboard.run_table import Row, TableRequest, beginnings, charts, head, pages, table_context
from dashboard.table_cells import cells_of
from dashboard.table_columns import Column
from dashboard.table_state import TableState, in_list
from experiments import reading, search
from experiments.models import Run, User
from experiments.shapes import GroupPage, RunGroup

LONGEST_FILTER = search.LONGEST
ODD = re.compile(r"[\s\"'()<>=!~,`]")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
BANDS = "t"  # of the curves of each group: a 95 % interval of their mean
MOST_SELECTED = 20  # runs of a group that its checkbox selects at once


@dataclass(frozen=True)
class GroupRow:
    """A group with its cells. `label`: pairs of a field and what the runs hold in it. `all_of`: the
    query string of all its runs; empty where no filter says which they are."""

    group: RunGroup
    label: list[tuple[str, str]]
    cells: SafeString
    fold: str
    members: list[Row]
    all_of: str

    @property
    def is_open(self) -> bool:
        return bool(self.members)

    @property
    def left_out(self) -> int:
        """Runs that are not shown below it."""
        return self.group.runs - len(self.members) if self.members else 0

    @property
    def selects(self) -> str:
        """The runs that its checkbox selects; none of them where they are many."""
        return ",".join(self.group.run_ids) if self.group.runs <= MOST_SELECTED else ""


@dataclass(frozen=True)
class Compared:
    """The groups shown as the compare page takes them. `by`: what they are alike in, as addresses
    say it; `told`: what is left out, if anything."""

    by: str
    query: str
    told: str


def group_page(asked: TableRequest) -> GroupPage:
    """The groups asked for. Raises Invalid for what cannot be read."""
    state = asked.state
    search.parse(state.q, project=asked.project)  # alone, so that errors say where in it
    return reading.run_groups(
        asked.project,
        by=state.grouped,
        filters=state.filters,
        sort=state.sort,
        descending=state.descending,
        columns=[column.id for column in _columns(asked)],
        offset=state.offset,
        limit=state.limit,
        archived=state.archived,
    )


def grouped_context(
    asked: TableRequest, page: GroupPage, *, user: User, path: str
) -> dict[str, Any]:
    """What the page's template needs besides what it shows of single runs."""
    state, project, columns = asked.state, asked.project, _columns(asked)
    baseline = Baseline.of(project, state, columns)
    context = table_context(asked, asked.no_page(), user=user, path=path)
    by_runs = Column("runs", "attribute", "runs", "runs", "")
    return context | {
        "columns": columns,
        "heads": [(column, *_head(asked, column)) for column in columns],
        "size_head": head(state, by_runs, project),
        "newest_head": state.query(sort="created", descending=True),
        "table": page,
        "groups": _rows(asked, page, columns, baseline),
        "baseline": baseline,
        "baseline_cells": baseline.cells(columns) if baseline else "",
        "pages": pages(state, len(page.groups), page.has_more),
        "charts": charts(asked, [group.run_ids[0] for group in page.groups]),
        "charted": "The newest run of each of the first 10 groups, or of opened groups their runs; "
        "select rows to draw those instead.",
        "compared": _compared(state, page),
        "ungrouped_query": state.query(grouped=(), opened=()),
    }


def _compared(state: TableState, page: GroupPage) -> Compared | None:
    """How the groups of the page are compared as groups: as many runs of each as the comparison
    takes, the newest first."""
    by = ",".join(map(in_list, state.grouped))
    shown = page.groups[: MOST // LEAST]
    each = shares([group.runs for group in shown], MOST)
    ids = [
        run_id for group, most in zip(shown, each, strict=True) for run_id in group.run_ids[:most]
    ]
    if len(ids) < LEAST:
        return None
    every = sum(group.runs for group in page.groups)
    asked = {"runs": ",".join(ids), "by": by, "over": by, "bands": BANDS}
    told = ""
    if len(ids) < every:
        asked["of"] = str(every)
        which = f"first {len(shown)} groups" if len(shown) < len(page.groups) else "groups"
        told = f"the newest {max(each)} runs at most of the {which}"
    return Compared(by, f"?{urlencode(asked, safe=',/:')}", told)


def shares(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each group are taken, `most` together: all of small ones, of the others alike."""
    taken = [0] * len(sizes)
    left = most
    smallest_first = sorted(range(len(sizes)), key=lambda place: sizes[place])
    for seen, place in enumerate(smallest_first):
        taken[place] = min(sizes[place], left // (len(sizes) - seen))
        left -= taken[place]
    return taken


def _columns(asked: TableRequest) -> list[Column]:
    grouped = asked.state.grouped
    return [column for column in asked.columns if has_cell(column) and column.id not in grouped]


def _head(asked: TableRequest, column: Column) -> tuple[str, str]:
    """As of a run's table, but groups are sorted by metrics alone."""
    return head(asked.state, column, asked.project) if column.kind == "metrics" else ("", "")


def _rows(
    asked: TableRequest, page: GroupPage, columns: Sequence[Column], baseline: Baseline | None
) -> list[GroupRow]:
    state = asked.state
    newest = [group.run_ids[0] for group in page.groups]
    names = {run.pk: run.name for run in Run.objects.filter(pk__in=newest).only("name")}
    return [
        GroupRow(
            group=group,
            label=_label(state, group, names),
            cells=cells_of_group(group, columns, baseline),
            fold=state.fold(group.id),
            members=_members(group, columns, baseline) if group.id in state.opened else [],
            all_of=_all_of(state, group),
        )
        for group in page.groups
    ]


def _label(state: TableState, group: RunGroup, names: Mapping[str, str]) -> list[tuple[str, str]]:
    if not group.values:
        name = names.get(group.run_ids[0], "")
        return [("", name if group.runs == 1 else f"{name} and {group.runs - 1:,} more")]
    values = zip(state.grouped, group.values, strict=True)
    return [
        (field.removeprefix("params."), "none" if not value else shown_value(value))
        for field, value in values
    ]


def _members(group: RunGroup, columns: Sequence[Column], baseline: Baseline | None) -> list[Row]:
    keys = [column.id for column in columns if column.kind != "attribute"]
    cells = baseline.cells_against if baseline else cells_of
    runs = reading.rows_of(group.run_ids, keys)
    begin = beginnings()
    return [Row(run, cells(run, columns), begin(run, 1), depth=1) for run in runs]


def _all_of(state: TableState, group: RunGroup) -> str:
    """The query string of a group's runs alone, one by one."""
    if not group.values:
        return ""
    pairs = zip(state.grouped, group.values, strict=True)
    conditions = [f"({state.q})"] if state.q else []
    conditions += [_condition(field, value) for field, value in pairs]
    filters = " AND ".join(conditions)
    if len(filters) > LONGEST_FILTER:
        return ""
    return state.query(q=filters, grouped=(), opened=(), sort="created", descending=True)


def _condition(field: str, value: str | None) -> str:
    kind, _, key = field.partition(".")
    name = f"{kind}.{search.quoted(key)}" if key and ODD.search(key) else field
    if value is None or (not value and field == "group"):
        return f"{name} IS NULL"
    same = f"{name} = {search.quoted(value)}"
    # A number, however it was written, and the text that looks like it are one group.
    return f"({name} = {value} OR {same})" if NUMBER.fullmatch(value) else same
