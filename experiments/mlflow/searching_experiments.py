"""Experiments found by MLflow's filters, in its orders, page by page."""

from collections.abc import Sequence

from django.db.models import Case, CharField, F, OrderBy, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from experiments.mlflow import conditions, experiments, filters, paging
from experiments.mlflow.filters import ATTRIBUTE, LISTS, NULLS, NUMBERS, TEXT, Comparison, Order
from experiments.mlflow.searching import moment
from experiments.mlflow.words import Record
from experiments.models import Project, ProjectTag, Workspace

TAG = "tags"
KINDS = {
    **dict.fromkeys(("attributes", "attribute"), ATTRIBUTE),
    **dict.fromkeys(("tags", "tag"), TAG),
}
MOST, DEFAULT = 50_000, 1_000
_TIMES = ("creation_time", "last_update_time")
_KNOWN = ("name", "experiment_id", *_TIMES)


def search(
    home: Workspace,
    projects: QuerySet[Project],
    *,
    text: str = "",
    orders: Sequence[str] = (),
    stages: Q,
    limit: int | None = None,
    token: str = "",
) -> tuple[list[Record], str]:
    """A page of the workspace's experiments among `projects`, and the token of the next.

    Raises Invalid.
    """
    size = paging.limit(limit, default=DEFAULT, most=MOST)
    first = paging.offset(token)
    rows = _with_columns(projects.filter(stages, workspace=home))
    for comparison in filters.parse(text, KINDS):
        rows = rows.filter(_condition(comparison, home))
    rows = _ordered(rows, filters.parse_orders(orders, KINDS)).prefetch_related("tag_rows")
    found = list(rows[first : first + size + 1])
    page = [experiments.record(project) for project in found[:size]]
    return page, paging.token(first, len(page), first + len(found))


def _with_columns(rows: QuerySet[Project]) -> QuerySet[Project]:
    shown = Case(
        When(~Q(experiment_name=""), then=F("experiment_name")),
        When(slug=experiments.DEFAULT_SLUG, then=Value(experiments.DEFAULT_NAME)),
        default=F("slug"),
        output_field=CharField(),
    )
    return rows.alias(
        mlflow_name=shown,
        creation_time=F("created_at"),
        last_update_time=Coalesce("changed_at", "created_at"),
    )


def _condition(comparison: Comparison, home: Workspace) -> Q:
    kind, name = comparison.key.kind, comparison.key.name
    if kind == TAG:
        comparison.allow(*TEXT, *NULLS)
        tags = ProjectTag.objects.filter(project__workspace=home, name=name)
        if comparison.sign not in NULLS:
            tags = tags.filter(conditions.of_text("value", comparison))
        has = Q(pk__in=tags.values("project_id"))
        return ~has if comparison.sign == "IS NULL" else has
    if name in _TIMES:
        comparison.allow(*NUMBERS)
        return conditions.of_number(name, comparison, moment(comparison.number()))
    if name == "experiment_id":
        comparison.allow("=", "!=", *LISTS)
        ids = comparison.texts() if comparison.sign in LISTS else (str(comparison.value),)
        these = experiments.with_ids(home, ids)
        return these if comparison.sign in ("=", "IN") else ~these
    if name == "name":
        comparison.allow(*TEXT)
        return conditions.of_text("mlflow_name", comparison)
    raise filters.bad(f"{name[:60]!r} is no attribute: use {', '.join(_KNOWN)}.")


def _ordered(rows: QuerySet[Project], orders: Sequence[Order]) -> QuerySet[Project]:
    columns = {"name": "mlflow_name", "experiment_id": "pk", **{time: time for time in _TIMES}}
    terms = []
    for order in orders:
        if order.key.kind != ATTRIBUTE or order.key.name not in columns:
            raise filters.bad(f"order_by: {order.key} is none of {', '.join(columns)}.")
        terms.append(OrderBy(F(columns[order.key.name]), descending=order.descending))
    if not terms:
        return rows.order_by("-created_at", "pk")
    return rows.order_by(*terms, "-pk")
