"""Runs found by MLflow's filters, in its orders, page by page."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    F,
    FloatField,
    IntegerField,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat

from experiments.mlflow import conditions, experiments, filters, paging, records, runs
from experiments.mlflow.filters import ATTRIBUTE, LISTS, NULLS, NUMBERS, TEXT, Comparison, Order
from experiments.mlflow.words import LATEST_MS, Record
from experiments.models import DatasetInput, Param, Project, Run, RunStatus, RunTag, Series

METRIC, PARAM, TAG, DATASET = "metrics", "params", "tags", "datasets"
KINDS = {
    **dict.fromkeys(("metrics", "metric"), METRIC),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), PARAM),
    **dict.fromkeys(("tags", "tag"), TAG),
    **dict.fromkeys(("datasets", "dataset"), DATASET),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), ATTRIBUTE),
}
MOST, DEFAULT = 50_000, 1_000
_ALIASES = {
    "created": "start_time", "Created": "start_time", "run name": "run_name",
    "Run name": "run_name", "Run Name": "run_name",
}  # fmt: skip
_TIMES = ("start_time", "end_time")
_TEXTS = ("run_id", "run_name", "status", "artifact_uri", "user_id")
_LONG = 500  # from here on a param's row does not hold all of it
_MOST_FLOAT = 1.7976931348623157e308


def search(
    projects: QuerySet[Project],
    *,
    text: str = "",
    orders: Sequence[str] = (),
    stages: Q,
    limit: int | None = None,
    token: str = "",
) -> tuple[list[Record], str]:
    """A page of whole runs, and the token of the next. Raises Invalid."""
    size = paging.limit(limit, default=DEFAULT, most=MOST)
    first = paging.offset(token)
    ids = [project.pk for project in projects]
    rows = with_columns(Run.objects.filter(stages, project__in=ids))
    for comparison in filters.parse(text, KINDS):
        rows = rows.filter(_condition(comparison, ids))
    rows = _ordered(rows, filters.parse_orders(orders, KINDS))
    found = list(rows.values_list("pk", flat=True)[first : first + size + 1])
    page = found[:size]
    return records.in_order(page), paging.token(first, len(page), first + len(found))


def with_columns(rows: QuerySet[Run]) -> QuerySet[Run]:
    """The runs under MLflow's names of what they have; only what is used is computed."""
    name = RunTag.objects.filter(run=OuterRef("pk"), name=runs.NAME).values("value")[:1]
    location = Case(
        When(~Q(project__artifact_location=""), then=F("project__artifact_location")),
        When(project__slug=experiments.DEFAULT_SLUG, then=Value("mlflow-artifacts:/0")),
        default=Concat(Value("mlflow-artifacts:/"), Cast("project_id", CharField())),
        output_field=CharField(),
    )
    return rows.alias(
        run_id=F("pk"),
        run_name=Coalesce(Subquery(name), F("name"), output_field=TextField()),
        user_id=Coalesce(
            KeyTextTransform("user", "environment"), F("created_by__username"), Value(""),
            output_field=TextField(),
        ),
        artifact_uri=Concat(
            location, Value("/"), F("pk"), Value("/artifacts"), output_field=TextField()
        ),
        start_time=Coalesce("started_at", "created_at"),
        end_time=F("finished_at"),
        status_word=Case(
            *(When(status=one, then=Value(runs.status_word(one))) for one in RunStatus.values),
            output_field=CharField(),
        ),
    )  # fmt: skip


def stages_of(view: str) -> Q:
    """Which runs or experiments a view shows. Raises Invalid."""
    match view or "ACTIVE_ONLY":
        case "ACTIVE_ONLY" | "1":
            return Q(deleted_at=None)
        case "DELETED_ONLY" | "2":
            return Q(deleted_at__isnull=False)
        case "ALL" | "3":
            return Q()
    raise filters.bad(f"The view {view[:60]!r} is unknown: use ACTIVE_ONLY, DELETED_ONLY or ALL.")


def _condition(comparison: Comparison, projects: Sequence[int]) -> Q:
    kind, name = comparison.key.kind, comparison.key.name
    if kind == ATTRIBUTE:
        return _of_attribute(_ALIASES.get(name, name), comparison)
    if kind == METRIC:
        comparison.allow(*NUMBERS)
        series = Series.objects.filter(conditions.of_metric(comparison), project__in=projects)
        return _has(series.filter(key=name))
    if kind == DATASET:
        return _of_dataset(comparison)
    comparison.allow(*TEXT, *NULLS)
    if kind == TAG:
        tags = RunTag.objects.filter(project__in=projects, name=name)
        if comparison.sign == "=":  # found by the index, then compared whole
            tags = tags.filter(text=comparison.text()[:_LONG])
        return _of_keyed(tags, "value", comparison)
    params: QuerySet[Any] = Param.objects.filter(project__in=projects, key=name)
    if isinstance(comparison.value, str) and len(comparison.value) >= _LONG:
        params = params.alias(whole=KeyTextTransform(name, "run__params"))
        return _of_keyed(params, "whole", comparison)
    return _of_keyed(params, "text", comparison)


def _of_attribute(name: str, comparison: Comparison) -> Q:
    if name in _TIMES:
        comparison.allow(*NUMBERS)
        return conditions.of_number(name, comparison, moment(comparison.number()))
    if name not in _TEXTS:
        raise filters.bad(f"{name[:60]!r} is no attribute: use {', '.join((*_TEXTS, *_TIMES))}.")
    comparison.allow(*TEXT, *(LISTS if name == "run_id" else ()))
    if name == "status":
        return Q(status__in=_statuses(comparison))
    return conditions.of_text(name, comparison)


def _statuses(comparison: Comparison) -> list[str]:
    """The statuses whose words compare so."""
    wanted = (conditions.matches(runs.status_word(one), comparison) for one in RunStatus.values)
    return [status for status, is_wanted in zip(RunStatus.values, wanted, strict=True) if is_wanted]


def _of_dataset(comparison: Comparison) -> Q:
    name = comparison.key.name
    columns = {"name": "dataset__name", "digest": "dataset__digest", "context": "context"}
    if name not in columns:
        raise filters.bad(f"Datasets have no {name[:60]!r}: use {', '.join(columns)}.")
    comparison.allow(*TEXT, *LISTS)
    return _has(DatasetInput.objects.filter(conditions.of_text(columns[name], comparison)))


def moment(ms: float) -> datetime:
    return datetime.fromtimestamp(min(max(ms, 0), LATEST_MS) / 1000, UTC)


def _of_keyed(rows: QuerySet[Any], column: str, comparison: Comparison) -> Q:
    """Runs with the key whose value compares so; "IS NULL" is not to have the key."""
    if comparison.sign in NULLS:
        return ~_has(rows) if comparison.sign == "IS NULL" else _has(rows)
    return _has(rows.filter(conditions.of_text(column, comparison)))


def _has(rows: QuerySet[Any]) -> Q:
    return Q(pk__in=rows.values("run_id"))


def _ordered(rows: QuerySet[Run], orders: Sequence[Order]) -> QuerySet[Run]:
    terms: list[OrderBy] = []
    for place, order in enumerate(orders):
        name = _ALIASES.get(order.key.name, order.key.name)
        column, rank = f"sort_{place}", f"rank_{place}"
        if order.key.kind == ATTRIBUTE:
            if name not in (*_TEXTS, *_TIMES):
                raise filters.bad(f"order_by: {name[:60]!r} is no attribute of runs.")
            column = "status_word" if name == "status" else name
        elif order.key.kind == METRIC:
            rows = rows.alias(**{column: _metric(name), rank: _rank(name)})
            terms.append(OrderBy(F(rank)))
        else:
            rows = rows.alias(**{column: _text(order.key.kind, name)})
        terms.append(OrderBy(F(column), descending=order.descending, nulls_last=True))
    if not any(_ALIASES.get(order.key.name, order.key.name) == "start_time" for order in orders):
        terms.append(OrderBy(F("start_time"), descending=True))
    return rows.order_by(*terms, "pk")


def _metric(key: str) -> Subquery:
    """The latest value as a number that sorts, infinities at the ends; null for NaN."""
    number = Case(
        When(last_is="inf", then=Value(_MOST_FLOAT)),
        When(last_is="-inf", then=Value(-_MOST_FLOAT)),
        default=F("last"),
        output_field=FloatField(),
    )
    rows = Series.objects.filter(run=OuterRef("pk"), key=key)
    return Subquery(rows.values(sorted_by=number)[:1])


def _rank(key: str) -> Coalesce:
    """In both directions numbers come first, then NaN, then runs without the metric."""
    kind = Case(When(last_is="nan", then=1), default=0, output_field=IntegerField())
    rows = Series.objects.filter(run=OuterRef("pk"), key=key)
    return Coalesce(Subquery(rows.values(kind=kind)[:1]), 2)


def _text(kind: str, name: str) -> Subquery:
    if kind == PARAM:
        return Subquery(Param.objects.filter(run=OuterRef("pk"), key=name).values("text")[:1])
    if kind == TAG:
        return Subquery(RunTag.objects.filter(run=OuterRef("pk"), name=name).values("value")[:1])
    raise filters.bad("order_by: use attributes, metrics, params and tags.")
