"""Logged models found by MLflow's filters, in its orders, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    F,
    FloatField,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)  # fmt: skip
from django.db.models.functions import Coalesce

from experiments.mlflow import conditions, filters, logged_models, paging
from experiments.mlflow.filters import ATTRIBUTE, LISTS, NUMBERS, TEXT, Comparison, Key, Order
from experiments.mlflow.searching import moment
from experiments.mlflow.words import Record
from experiments.models import LoggedModel, LoggedModelMetric, LoggedModelText, Project

METRIC, PARAM, TAG = "metrics", "params", "tags"
KINDS = {"attributes": ATTRIBUTE, "metrics": METRIC, "params": PARAM, "tags": TAG}
MOST, DEFAULT = 1_000, 100
_TEXTS = {
    "name": "name", "model_id": "pk", "model_type": "model_type", "status": "status",
    "source_run_id": "source_run_id", "experiment_id": "experiment_id",
}  # fmt: skip
_TIMES = {
    "creation_timestamp": "created_at",
    "creation_time": "created_at",
    "last_updated_timestamp": "changed_at",
}
_MOST_FLOAT = 1.7976931348623157e308


@dataclass(frozen=True)
class Measured:
    """The dataset that metrics are of; without a digest, whichever has the name."""

    name: str
    digest: str = ""

    def condition(self) -> Q:
        named = Q(dataset_name=self.name)
        return named & Q(dataset_digest=self.digest) if self.digest else named


@dataclass(frozen=True)
class By:
    """A key to sort by, and the dataset that its metric is of."""

    order: Order
    measured: Measured | None


def key_of(name: str) -> Key:
    """A field of order_by, which is a key alone. Raises Invalid."""
    (order,) = filters.parse_orders([name], KINDS)
    return order.key


def search(
    projects: QuerySet[Project],
    *,
    text: str = "",
    measured: Sequence[Measured] = (),
    orders: Sequence[By] = (),
    limit: int | None = None,
    token: str = "",
) -> tuple[list[Record], str]:
    """A page of models that are not deleted, and the token of the next. Raises Invalid."""
    size = paging.limit(limit, default=DEFAULT, most=MOST)
    first = paging.offset(token)
    rows = LoggedModel.objects.filter(project__in=projects, deleted_at=None)
    rows = rows.alias(source_run_id=Coalesce("run_id", Value("")), experiment_id=F("project_id"))
    for comparison in filters.parse(text, KINDS):
        rows = rows.filter(_condition(comparison, measured))
    rows = logged_models.shown(_ordered(rows, orders))
    found = list(rows[first : first + size + 1])
    page = [logged_models.record(model) for model in found[:size]]
    return page, paging.token(first, len(page), first + len(found))


def _condition(comparison: Comparison, measured: Sequence[Measured]) -> Q:
    kind, name = comparison.key.kind, comparison.key.name
    if kind == METRIC:
        comparison.allow(*NUMBERS)
        metrics = LoggedModelMetric.objects.filter(conditions.of_metric(comparison), key=name)
        if measured:
            wanted = Q()
            for one in measured:
                wanted |= one.condition()
            metrics = metrics.filter(wanted)
        return Q(pk__in=metrics.values("model_id"))
    if kind in (PARAM, TAG):
        comparison.allow(*TEXT, *LISTS)
        stored = LoggedModelText.Kind.PARAM if kind == PARAM else LoggedModelText.Kind.TAG
        texts = LoggedModelText.objects.filter(kind=stored, key=name)
        return Q(pk__in=texts.filter(conditions.of_text("value", comparison)).values("model_id"))
    if name in _TIMES:
        comparison.allow(*NUMBERS)
        return conditions.of_number(_TIMES[name], comparison, moment(comparison.number()))
    if name not in _TEXTS:
        known = ", ".join((*_TEXTS, *_TIMES))
        raise filters.bad(f"{name[:60]!r} is no attribute: use {known}.")
    comparison.allow(*TEXT, *LISTS)
    return conditions.of_text(_TEXTS[name], comparison)


def _ordered(rows: QuerySet[LoggedModel], orders: Sequence[By]) -> QuerySet[LoggedModel]:
    terms: list[OrderBy] = []
    columns: dict[str, Any] = {**_TEXTS, **_TIMES}
    for place, by in enumerate(orders):
        key, column = by.order.key, f"sort_{place}"
        if key.kind == METRIC:
            rows = rows.alias(**{column: _metric(key.name, by.measured)})
        elif key.kind == ATTRIBUTE and key.name in columns:
            column = columns[key.name]
        else:
            raise filters.bad(f"order_by: {key} is neither a metric nor an attribute.")
        terms.append(OrderBy(F(column), descending=by.order.descending, nulls_last=True))
    return rows.order_by(*terms, "-created_at", "pk")


def _metric(key: str, measured: Measured | None) -> Subquery:
    """The latest value as a number that sorts, infinities at the ends; null for NaN."""
    number = Case(
        When(last_is="inf", then=Value(_MOST_FLOAT)),
        When(last_is="-inf", then=Value(-_MOST_FLOAT)),
        default=F("last"),
        output_field=FloatField(),
    )
    rows = LoggedModelMetric.objects.filter(model=OuterRef("pk"), key=key)
    if measured is not None:
        rows = rows.filter(measured.condition())
    latest = rows.order_by("-step", "-timestamp", "-last")
    return Subquery(latest.values(sorted_by=number)[:1])
