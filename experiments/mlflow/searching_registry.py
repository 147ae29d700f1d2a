"""Registered models and their versions found by MLflow's filters, page by page."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet

from experiments.mlflow import conditions, filters, paging, registry
from experiments.mlflow.filters import ATTRIBUTE, LISTS, NULLS, NUMBERS, TEXT, Comparison
from experiments.mlflow.words import Record
from experiments.models import ModelVersion, RegisteredModel, RegistryTag, Workspace
from experiments.registry import origins
from experiments.registry.origins import Shut

TAG = "tags"
KINDS = {
    **dict.fromkeys(("attributes", "attribute"), ATTRIBUTE),
    **dict.fromkeys(("tags", "tag"), TAG),
}
MOST_MODELS, DEFAULT_MODELS = 1_000, 100
MOST_VERSIONS, DEFAULT_VERSIONS = 200_000, 10_000
_PROMPT = "mlflow.prompt.is_prompt"
_MODEL_ORDERS = {
    "name": "name", "creation_timestamp": "created_at", "timestamp": "changed_at",
    "last_updated_timestamp": "changed_at",
}  # fmt: skip
_VERSION_ORDERS = {
    "name": "model__name", "version_number": "number", "creation_timestamp": "created_at",
    "last_updated_timestamp": "changed_at",
}  # fmt: skip
_LAST_CHANGED = "last_updated_timestamp DESC"  # the order of versions that none is asked for
_VERSION_TEXTS = {
    "name": "model__name", "run_id": "shown_run_id", "source_path": "shown_source",
}  # fmt: skip


def models(
    home: Workspace,
    shut: Shut,
    *,
    text: str,
    orders: Sequence[str],
    limit: int | None,
    token: str,
) -> tuple[list[Record], str]:
    """A page of registered models, and the token of the next. Raises Invalid."""
    size = paging.limit(limit, default=DEFAULT_MODELS, most=MOST_MODELS)
    first = paging.offset(token)
    rows = RegisteredModel.objects.filter(workspace=home)
    for comparison in filters.parse(text, KINDS):
        rows = rows.filter(_of_model(comparison))
    ordered = registry.shown(rows.order_by(*_terms(orders, _MODEL_ORDERS), "name"))
    found = list(ordered[first : first + size + 1])
    page = [registry.record(one, shut) for one in found[:size]]
    return page, paging.token(first, len(page), first + len(found))


def versions(
    home: Workspace,
    shut: Shut,
    *,
    text: str,
    orders: Sequence[str],
    limit: int | None,
    token: str,
) -> tuple[list[Record], str]:
    """A page of versions, and the token of the next. Raises Invalid."""
    size = paging.limit(limit, default=DEFAULT_VERSIONS, most=MOST_VERSIONS)
    first = paging.offset(token)
    rows = origins.with_origins(ModelVersion.objects.filter(model__workspace=home), shut)
    for comparison in filters.parse(text, KINDS):
        rows = rows.filter(_of_version(comparison))
    terms = _terms(orders or [_LAST_CHANGED], _VERSION_ORDERS)
    rows = rows.order_by(*terms, "model__name", "-number")
    rows = rows.select_related("model").prefetch_related("tag_rows", "aliases")
    found = list(rows[first : first + size + 1])
    page = [registry.version_record(one, shut) for one in found[:size]]
    return page, paging.token(first, len(page), first + len(found))


def _of_model(comparison: Comparison) -> Q:
    if comparison.key.kind == TAG:
        tags = RegistryTag.objects.filter(version=None)
        return _of_tag(comparison, tags, "model_id")
    if comparison.key.name != "name":
        raise filters.bad(f"{comparison.key.name[:60]!r} is no attribute: use name.")
    comparison.allow(*TEXT, *LISTS)
    return conditions.of_text("name", comparison)


def _of_version(comparison: Comparison) -> Q:
    name = comparison.key.name
    if comparison.key.kind == TAG:
        tags = RegistryTag.objects.filter(version__isnull=False)
        return _of_tag(comparison, tags, "version_id")
    if name == "version_number":
        comparison.allow(*NUMBERS)
        return conditions.of_number("number", comparison, comparison.number())
    if name not in _VERSION_TEXTS:
        known = ", ".join((*_VERSION_TEXTS, "version_number"))
        raise filters.bad(f"{name[:60]!r} is no attribute: use {known}.")
    comparison.allow(*TEXT, *(LISTS if name == "run_id" else ()))
    return conditions.of_text(_VERSION_TEXTS[name], comparison)


def _of_tag(comparison: Comparison, rows: QuerySet[RegistryTag], owner: str) -> Q:
    """As for runs, but that a thing is no prompt is true of one that does not say so."""
    comparison.allow(*TEXT, *NULLS)
    name = comparison.key.name
    rows = rows.filter(key=name)
    if comparison.sign in NULLS:
        has = Q(pk__in=rows.values(owner))
        return ~has if comparison.sign == "IS NULL" else has
    if name == _PROMPT and comparison.sign == "!=":
        return ~Q(pk__in=rows.filter(value=comparison.text()).values(owner))
    return Q(pk__in=rows.filter(conditions.of_text("value", comparison)).values(owner))


def _terms(orders: Sequence[str], columns: dict[str, Any]) -> list[OrderBy]:
    terms = []
    for order in filters.parse_orders(orders, KINDS):
        if order.key.kind != ATTRIBUTE or order.key.name not in columns:
            raise filters.bad(f"order_by: {order.key} is none of {', '.join(columns)}.")
        terms.append(OrderBy(F(columns[order.key.name]), descending=order.descending))
    return terms
