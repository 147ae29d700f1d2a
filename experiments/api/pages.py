"""Lists, page by page: `?limit=` and `?cursor=`, and the address of the next page in `next`."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from experiments.errors import Invalid

DEFAULT_LIMIT = 50
MOST_LIMIT = 500
Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


class Pages(BasePagination):
    """Keyset pages: stable while rows are added, equally quick at any depth."""

    def __init__(self, *, most: int = MOST_LIMIT) -> None:
        self.most = most

    def page(
        self,
        request: Request,
        rows: QuerySet[Row],
        *,
        by: str,
        show: Callable[[Sequence[Row]], Any],
    ) -> Response:
        """One page of a queryset in the order of one unique column, "-id" for newest first."""
        limit, cursor = self.asked(request)
        field = by.lstrip("-")
        rows = rows.order_by(by)
        if cursor is not None:
            side = "lt" if by.startswith("-") else "gt"
            wanted = rows.model._meta.get_field(field) if "__" not in field else None
            if (wanted is not None and wanted.get_internal_type() == "BigAutoField") is not (
                isinstance(cursor, int)
            ):
                raise _bad_cursor()
            rows = rows.filter(**{f"{field}__{side}": cursor})
        found = list(rows[: limit + 1])
        after = _value(found[limit - 1], field) if len(found) > limit else None
        return self.answer(request, show(found[:limit]), after)

    def slice(
        self,
        request: Request,
        items: Sequence[Item],
        *,
        show: Callable[[Sequence[Item]], Any],
    ) -> Response:
        """One page of a list that is in memory and does not change."""
        limit, cursor = self.asked(request)
        start = self.whole(cursor) or 0
        more = start + limit < len(items)
        return self.answer(
            request, show(items[start : start + limit]), start + limit if more else None
        )

    def whole(self, cursor: str | int | None) -> int | None:
        """The cursor of a list that is paged by position."""
        if cursor is not None and (not isinstance(cursor, int) or cursor < 0):
            raise _bad_cursor()
        return cursor

    def asked(self, request: Request) -> tuple[int, str | int | None]:
        """(limit, decoded cursor) of the query string. Raises Invalid naming the parameter."""
        text = request.query_params.get("limit", str(min(DEFAULT_LIMIT, self.most)))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= self.most):
            message = f"Use a whole number from 1 to {self.most}."
            raise Invalid(f"limit: {message}", fields={"limit": [message]})
        cursor = request.query_params.get("cursor")
        return int(text), None if cursor is None else _decode(cursor)

    def answer(self, request: Request, results: Any, after: str | int | None) -> Response:
        """The page; `after` is where the next one starts."""
        following = None
        if after is not None:
            following = replace_query_param(request.build_absolute_uri(), "cursor", _encode(after))
        return Response({"results": results, "next": following})


def _value(row: Model, field: str) -> str | int:
    value: Any = row
    for name in field.split("__"):
        value = getattr(value, name)
    assert isinstance(value, str | int)
    return value


def _encode(after: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode().rstrip("=")


def _decode(cursor: str) -> str | int:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        value = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise _bad_cursor() from None
    whole = type(value) is int and abs(value) < 2**63
    if not whole and not (isinstance(value, str) and "\0" not in value and value.isprintable()):
        raise _bad_cursor()
    assert isinstance(value, str | int)
    return value


def _bad_cursor() -> Invalid:
    message = "Take the cursor from `next` of the page before."
    return Invalid(f"cursor: {message}", fields={"cursor": [message]})
