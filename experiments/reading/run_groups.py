"""Groups of runs that are alike, page by page, each in numbers: means over its runs, what they have
in common, how they stand.

All runs that a filter finds are put into groups as arrays; only the groups of the page are read
further, but for the metric that the groups are sorted by.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet

from experiments import search
from experiments.errors import Invalid
from experiments.models import Project, Series
from experiments.reading import grouping, id_arrays
from experiments.reading.consistency import one_picture
from experiments.reading.grouping import Codes, Held
from experiments.reading.id_arrays import Ids, Numeric
from experiments.reading.matching import Matching
from experiments.shapes import GroupPage, RunGroup, Spread

MOST_GROUPS_SHOWN = 500  # in a page
MEMBERS = 200  # of one group, whose ids are told
MOST_VALUES = 4  # of a param, that are told where a group has several


def run_groups(
    project: Project,
    *,
    by: Sequence[str],
    filters: str = "",
    sort: str = "created",
    descending: bool = True,
    columns: Sequence[str] = (),
    offset: int = 0,
    limit: int = 50,
    archived: bool = False,
) -> GroupPage:
    """One page of the groups that the runs found by a filter fall into.

    `by`: names of fields, or "seedless" alone: the same code and params but the seed. `sort`:
    "created" (the group's newest run), "runs" (how many), one of `by`, or a metric (the mean over
    the group); groups without it come last. `columns`: metrics for means, "params.KEY", "group" and
    "seed" for what the runs have in common. Raises Invalid.
    """
    if not 1 <= limit <= MOST_GROUPS_SHOWN or offset < 0:
        raise Invalid(f"limit: use 1 to {MOST_GROUPS_SHOWN}, and an offset from 0.")
    fields = grouping.fields_of(by)
    column = _column(project, sort, by)
    with one_picture():
        matching = Matching(project, filters, archived=archived)
        runs = np.sort(matching.every())[::-1]  # the newest first: ids say when
        if not len(runs):
            return GroupPage((), 0, 0, offset, limit)
        codes, found = grouping.alike(project, fields, runs)
        groups = _Groups(project, runs, codes)
        if column:
            newest = groups.newest()
            order = _sorted(groups.spread(search.field(sort).key, column).means, newest, descending)
        else:
            order = _order(groups, sort, descending, dict(zip(by, found, strict=False)))
        places = order[offset : offset + limit]
        rows = _rows(groups, places, found, columns)
        return GroupPage(rows, len(order), len(runs), offset, limit)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Runs, the newest first, each with the number of its group, which are from 0 on."""

    project: Project
    runs: Ids
    codes: Codes

    @property
    def sizes(self) -> Codes:
        return np.bincount(self.codes).astype(np.int64)

    def newest(self) -> Codes:
        """The place of the newest run of each group."""
        first: Codes = np.unique(self.codes, return_index=True)[1].astype(np.int64)
        return first

    def only(self, groups: Codes) -> "_Groups":
        """These groups alone, numbered in this order."""
        numbers = np.full(int(self.codes.max()) + 1, -1, np.int64)
        numbers[groups] = np.arange(len(groups))
        codes = numbers[self.codes]
        is_in = codes >= 0
        return _Groups(self.project, self.runs[is_in], codes[is_in])

    def spread(self, key: str, column: str) -> "_Spreads":
        """A metric over the runs of each group, by a column of its summary."""
        rows: QuerySet[Series] = Series.objects.filter(key=key)
        if len(self.runs) <= grouping.FEW:
            rows = rows.filter(run_id__in=self.runs.astype(str).tolist())
        else:
            rows = rows.filter(project=self.project)
        numbers, ids = id_arrays.read_numbers(rows, column, "run_id")
        places = id_arrays.places(ids, self.runs)
        is_here = places >= 0
        codes, numbers = self.codes[places[is_here]], numbers[is_here]
        lacking = id_arrays.read(rows.filter(**{column: None}), "run_id")
        theirs = id_arrays.places(lacking, self.runs)
        return _Spreads.of(codes, numbers, self.codes[theirs[theirs >= 0]], len(self.sizes))


@dataclass(frozen=True, eq=False)
class _Spreads:
    """Of each group: mean and standard deviation (NaN: of too few), how many numbers they are of,
    how many runs had no finite one."""

    means: Numeric
    deviations: Numeric
    counts: Codes
    nonfinite: Codes

    @classmethod
    def of(cls, codes: Codes, numbers: Numeric, lacking: Codes, groups: int) -> "_Spreads":
        counts = np.bincount(codes, minlength=groups)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            means = np.bincount(codes, weights=numbers, minlength=groups) / counts
            apart = numbers - means[codes]
            squares = np.bincount(codes, weights=apart * apart, minlength=groups)
            deviations = np.sqrt(squares / np.where(counts > 1, counts - 1, np.nan))
        return cls(means, deviations, counts, np.bincount(lacking, minlength=groups))

    def at(self, group: int) -> Spread:
        count = int(self.counts[group])
        return Spread(
            mean=float(self.means[group]) if count else None,
            sd=float(self.deviations[group]) if count > 1 else None,
            count=count,
            nonfinite=int(self.nonfinite[group]),
        )


def _column(project: Project, sort: str, by: Sequence[str]) -> str:
    """The column of the metric that groups are sorted by; "" where it is none. Raises Invalid."""
    target = search.field(sort)
    if target.kind == "metrics":
        try:
            return search.summary_column(target, project)
        except Invalid as error:
            raise _bad_sort(error.message) from None
    if sort not in ("created", "runs", *by):
        known = "use created, runs, a field of the groups, or metrics.KEY"
        raise _bad_sort(f"Groups are not sorted by {sort[:100]!r}; {known}.")
    return ""


def _order(groups: _Groups, sort: str, descending: bool, held: Mapping[str, Held]) -> Codes:
    """The groups in order: of equal ones that with the newer run first."""
    newest = groups.newest()
    if sort in held:
        return _by_text(held[sort], newest, descending)
    return _sorted(groups.sizes if sort == "runs" else -newest, newest, descending)


def _sorted(values: Codes | Numeric, newest: Codes, descending: bool) -> Codes:
    """Places by value, what is NaN last."""
    lacks = np.isnan(values)
    by = np.where(lacks, 0, -values if descending else values)
    order: Codes = np.lexsort((newest, by, lacks)).astype(np.int64)
    return order


def _by_text(held: Held, newest: Codes, descending: bool) -> Codes:
    """By what the groups hold in a field: numbers as such where any text is one."""
    codes = held.codes[newest]
    numbers = [_number(text) for text in held.texts]
    if not np.isnan(numbers).all():
        return _sorted(np.array([*numbers, np.nan])[codes], newest, descending)
    places = np.empty(len(held.texts) + 1)
    places[sorted(range(len(held.texts)), key=held.texts.__getitem__)] = range(len(held.texts))
    places[-1] = np.nan
    return _sorted(places[codes], newest, descending)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def _rows(
    groups: _Groups, places: Codes, held: Sequence[Held], columns: Sequence[str]
) -> tuple[RunGroup, ...]:
    """What the page shows of the groups at these places."""
    newest = groups.newest()[places]
    here = groups.only(places)
    if not len(places):
        return ()
    members = np.split(here.runs[np.argsort(here.codes, kind="stable")], np.cumsum(here.sizes)[:-1])
    spreads = {}
    common: dict[str, list[tuple[str | None, ...]]] = {}
    for column in columns:
        field = search.field(column)
        if field.kind == "metrics":
            spreads[column] = here.spread(field.key, search.summary_column(field, here.project))
        elif field.kind == "params" or field.key in ("group", "seed"):
            common[column] = _in_common(grouping.held(here.project, field, here.runs), here)
    statuses = _statuses(here)
    return tuple(
        RunGroup(
            id=str(members[i][-1], "ascii"),
            values=tuple(_text(one, int(newest[i])) for one in held),
            runs=len(members[i]),
            run_ids=tuple(members[i][:MEMBERS].astype(str).tolist()),
            statuses=statuses[i],
            metrics={name: spread.at(i) for name, spread in spreads.items()},
            held={name: texts[i] for name, texts in common.items()},
        )
        for i in range(len(places))
    )


def _text(held: Held, run: int) -> str | None:
    code = held.codes[run]
    return None if code < 0 else held.texts[code]


def _in_common(held: Held, here: _Groups) -> list[tuple[str | None, ...]]:
    """The values that the runs of each group hold; of many, the first few in `_rank`."""
    found: list[list[str | None]] = [[] for _ in here.sizes]
    base = len(held.texts) + 1
    for pair in np.unique(here.codes * base + held.codes + 1).tolist():
        group, code = divmod(pair, base)
        found[group].append(held.texts[code - 1] if code else None)
    return [tuple(heapq.nsmallest(MOST_VALUES, values, key=_rank)) for values in found]


def _rank(value: str | None) -> tuple[int, float, str]:
    """The order in which values are told: nothing, numbers by size, other texts."""
    if value is None:
        return 0, 0.0, ""
    number = _number(value)
    return (2, 0.0, value) if np.isnan(number) else (1, number, value)


def _statuses(here: _Groups) -> list[dict[str, int]]:
    """How many runs of each group have which status."""
    held = grouping.held(here.project, search.field("status"), here.runs)
    base = max(1, len(held.texts))
    counts = np.bincount(here.codes * base + held.codes, minlength=len(here.sizes) * base)
    return [
        {held.texts[i]: int(n) for i, n in enumerate(row) if n} for row in counts.reshape(-1, base)
    ]


def _bad_sort(message: str) -> Invalid:
    return Invalid(f"sort: {message}", fields={"sort": [message]})
