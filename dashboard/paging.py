"""One page of a list, with the addresses of its neighbours."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

from dashboard.requests import SignedIn
from dashboard.scope import number_in

M = TypeVar("M", bound=Model)

ROWS = 50
FARTHEST = 10_000_000


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows `first` to `last` of `total`; `previous` and `next` are query strings, or empty."""

    rows: list[M]
    first: int
    last: int
    total: int
    previous: str
    next: str

    @classmethod
    def of(cls, request: SignedIn, found: "QuerySet[M, Any]") -> "Page[M]":
        """The rows from `?offset=` on. Raises Invalid for an offset that is none."""
        offset = number_in(request, "offset", default=0, least=0, most=FARTHEST)
        rows = list(found[offset : offset + ROWS])
        total = found.count()
        return cls(
            rows=rows,
            first=offset + 1 if rows else 0,
            last=offset + len(rows),
            total=total,
            previous=_query(request, max(0, offset - ROWS)) if offset else "",
            next=_query(request, offset + ROWS) if offset + ROWS < total else "",
        )


def _query(request: SignedIn, offset: int) -> str:
    changed = request.GET.copy()
    changed["offset"] = str(offset)
    return f"?{changed.urlencode()}"
