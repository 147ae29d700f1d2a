"""The state of a run table, which is its address: filter, sort, columns, page, selection."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlencode

from django.http import QueryDict

from dashboard.requests import SignedIn
from dashboard.scope import number_in
from experiments.models import RunStatus
from experiments.reading import SEEDLESS

PAGE_ROWS = 50
PAGE_SIZES = (25, 50, 100, 500)
MOST_COLUMNS = 40
MOST_OPENED = 50
MOST_SELECTED = 50  # run-selection.js puts no more into the address
FURTHEST = 10_000_000
# js/table-links.js has them, too.
OF_SCRIPTS = ("w", "zoom", "zoomy", "logy", "wide", "pane", "rel", "rx", "ry")
SIDES = {"left": -1, "right": 1}


@dataclass(frozen=True)
class TableState:
    """`columns` is empty while the reader has chosen none: the page picks then. `nested`: runs
    under their parents, the children of those in `opened` shown. `selected` holds ids of runs, too.
    `grouped`: the fields that the runs are grouped by. `baseline`: the run that the others are
    measured against. `pinned`: columns that stay at the left. `better`: metrics whose direction the
    reader switched, each with "min" or "max". `view` is of widths and charts: only the page's
    scripts read it; links pass it on.
    """

    q: str = ""
    status: str = ""
    sort: str = "created"
    descending: bool = True
    columns: tuple[str, ...] = ()
    offset: int = 0
    limit: int = PAGE_ROWS
    archived: bool = False
    nested: bool = False
    opened: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    baseline: str = ""
    pinned: tuple[str, ...] = ()
    better: tuple[tuple[str, str], ...] = ()
    view: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: SignedIn) -> "TableState":
        """Reads the query string. Raises Invalid for numbers that are none."""
        get = request.GET
        status = get.get("status", "")
        sort = get.get("sort") or "created"  # "-created", too, as over REST
        selected = [one for one in get.get("selected", "").split(",") if one]
        grouped = _grouped(get.getlist("group"))
        limit = number_in(request, "limit", default=PAGE_ROWS, least=1, most=PAGE_SIZES[-1])
        return cls(
            q=get.get("q", "").strip(),
            status=status if status in RunStatus.values else "",
            sort=_sort(sort.removeprefix("-"), grouped),
            descending=sort.startswith("-") or get.get("dir", "desc") != "asc",
            columns=_columns(get)[:MOST_COLUMNS],
            offset=number_in(request, "offset", default=0, least=0, most=FURTHEST),
            limit=limit,
            archived=get.get("archived") == "1",
            nested=get.get("nest") == "1" and not grouped,
            opened=tuple(filter(None, get.get("open", "").split(",")))[:MOST_OPENED],
            selected=tuple(selected[:MOST_SELECTED]),
            grouped=grouped,
            baseline=get.get("baseline", ""),
            pinned=tuple(dict.fromkeys(get.getlist("pin")))[:MOST_COLUMNS],
            better=_directions(get.getlist("better")),
            view=tuple((name, get[name]) for name in OF_SCRIPTS if get.get(name)),
        )

    @property
    def filters(self) -> str:
        """The whole condition in the filter language. Nested, it chooses among outermost runs."""
        conditions = [f"({self.q})" if self.status or self.nested else self.q] if self.q else []
        if self.status:
            conditions.append(f"status = {self.status}")
        if self.nested:
            conditions.append("parent IS NULL")
        return " AND ".join(conditions)

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that the reader chose in the order of the table: pinned ones first."""
        pinned = [column for column in self.pinned if column in self.columns]
        return (*pinned, *(column for column in self.columns if column not in pinned))

    def fold(self, run_id: str) -> str:
        """The query string that shows a run's children, or hides them again; the page stays."""
        rest = tuple(one for one in self.opened if one != run_id)
        opened = rest if len(rest) < len(self.opened) else (*rest, run_id)
        return self.query(opened=opened[-MOST_OPENED:], offset=self.offset)

    def query(self, **changes: Any) -> str:
        """The query string after these changes; anything but paging goes to the first page."""
        changed = replace(self, **({"offset": 0} | changes))
        pairs: list[tuple[str, object]] = []
        if changed.q:
            pairs.append(("q", changed.q))
        if changed.status:
            pairs.append(("status", changed.status))
        if (changed.sort, changed.descending) != ("created", True):
            pairs += [("sort", changed.sort), ("dir", "desc" if changed.descending else "asc")]
        pairs += [("col", column) for column in changed.columns]
        if changed.offset:
            pairs.append(("offset", changed.offset))
        if changed.limit != PAGE_ROWS:
            pairs.append(("limit", changed.limit))
        if changed.archived:
            pairs.append(("archived", "1"))
        if changed.nested:
            pairs.append(("nest", "1"))
        if (changed.nested or changed.grouped) and changed.opened:
            pairs.append(("open", ",".join(changed.opened)))
        if changed.selected:
            pairs.append(("selected", ",".join(changed.selected)))
        if changed.grouped:
            pairs.append(("group", ",".join(map(in_list, changed.grouped))))
        if changed.baseline:
            pairs.append(("baseline", changed.baseline))
        pairs += [("pin", column) for column in changed.pinned]
        pairs += [("better", f"{key}:{side}") for key, side in changed.better]
        pairs += changed.view
        return f"?{urlencode(pairs)}" if pairs else "?"


def names_of(text: str) -> tuple[str, ...]:
    """A list of names that commas part; a comma or % in a name is escaped, as scripts do it."""
    return tuple(dict.fromkeys(unquote(one) for one in text.split(",") if one))


def _grouped(texts: list[str]) -> tuple[str, ...]:
    """The fields to group by; "seedless" leaves out all others."""
    names = tuple(dict.fromkeys(name for text in texts for name in names_of(text)))
    return (SEEDLESS,) if SEEDLESS in names else names


def _sort(sort: str, grouped: tuple[str, ...]) -> str:
    """What groups are sorted by, where runs are by what groups have none of: the newest first."""
    known = ("created", "runs", *grouped) if grouped else (sort,)
    return sort if sort in known or sort.startswith("metrics.") else "created"


def in_list(name: str) -> str:
    """A name as `names_of` reads it among others."""
    return name.replace("%", "%25").replace(",", "%2C")


def _columns(get: QueryDict) -> tuple[str, ...]:
    """The columns chosen. A form says which (`col`) apart from their order (`order`), and which of
    them one of its buttons moves (`move=left:COLUMN`)."""
    chosen = list(dict.fromkeys(get.getlist("col")))
    places = {column: place for place, column in enumerate(get.getlist("order"))}
    chosen.sort(key=lambda column: places.get(column, len(places)))
    side, _, moved = get.get("move", "").partition(":")
    if side in SIDES and moved in chosen:
        place = chosen.index(moved)
        chosen.insert(max(0, place + SIDES[side]), chosen.pop(place))
    return tuple(chosen)


def _directions(texts: list[str]) -> tuple[tuple[str, str], ...]:
    """Metrics with "min" or "max", from texts like "loss:min"; the last one of a metric counts."""
    pairs = (text.rpartition(":") for text in texts)
    found = {key: side for key, _, side in pairs if key and side in ("min", "max")}
    return tuple(found.items())[:MOST_COLUMNS]
