"""The state of a run table, which is its address: filter, sort, columns, page, selection."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from dashboard.requests import SignedIn
from dashboard.scope import number_in
from experiments.models import RunStatus

PAGE_ROWS = 50
PAGE_SIZES = (25, 50, 100, 500)
MOST_COLUMNS = 40
MOST_OPENED = 50
MOST_SELECTED = 50  # run-selection.js puts no more into the address
FURTHEST = 10_000_000
OF_CHARTS = ("zoom", "zoomy", "logy", "wide", "pane")


@dataclass(frozen=True)
class TableState:
    """`columns` is empty while the reader has chosen none: the page picks then. `nested`: runs
    under their parents, the children of those in `opened` shown. `selected` holds ids of runs, too.
    `view` is of the charts: only the page's scripts read it; links pass it on.
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
    view: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: SignedIn) -> "TableState":
        """Reads the query string. Raises Invalid for numbers that are none."""
        get = request.GET
        status = get.get("status", "")
        selected = [one for one in get.get("selected", "").split(",") if one]
        limit = number_in(request, "limit", default=PAGE_ROWS, least=1, most=PAGE_SIZES[-1])
        return cls(
            q=get.get("q", "").strip(),
            status=status if status in RunStatus.values else "",
            sort=get.get("sort") or "created",
            descending=get.get("dir", "desc") != "asc",
            columns=tuple(dict.fromkeys(get.getlist("col")))[:MOST_COLUMNS],
            offset=number_in(request, "offset", default=0, least=0, most=FURTHEST),
            limit=limit,
            archived=get.get("archived") == "1",
            nested=get.get("nest") == "1",
            opened=tuple(filter(None, get.get("open", "").split(",")))[:MOST_OPENED],
            selected=tuple(selected[:MOST_SELECTED]),
            view=tuple((name, get[name]) for name in OF_CHARTS if get.get(name)),
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
        if changed.nested and changed.opened:
            pairs.append(("open", ",".join(changed.opened)))
        if changed.selected:
            pairs.append(("selected", ",".join(changed.selected)))
        pairs += changed.view
        return f"?{urlencode(pairs)}" if pairs else "?"
