"""Logged models: made by a run, filled with files, then ready; with params, tags and metrics."""

import math
import secrets
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from experiments import audit, floats
from experiments.errors import Invalid
from experiments.mlflow import experiments
from experiments.mlflow.records import number
from experiments.mlflow.words import (
    LONGEST_PARAM,
    LONGEST_RUN_TAG,
    Record,
    Tags,
    check_key,
    check_length,
    check_tags,
    invalid,
    no_such,
    tag_list,
    to_ms,
)
from experiments.models import (
    LoggedModel,
    LoggedModelMetric,
    LoggedModelText,
    Manifest,
    Project,
    Run,
)
from experiments.models.audit import Action

PARAM, TAG = LoggedModelText.Kind.PARAM, LoggedModelText.Kind.TAG
_NOT_IN_NAMES = frozenset("/:.%\"'")


def visible(projects: QuerySet[Project]) -> QuerySet[LoggedModel]:
    """The models of these projects, deleted ones too."""
    rows = LoggedModel.objects.select_related("project__workspace", "run")
    return rows.filter(project__in=projects)


def shown(rows: QuerySet[LoggedModel]) -> QuerySet[LoggedModel]:
    """With all that `record` shows."""
    return rows.select_related("project").prefetch_related("texts", "metrics", "versions__model")


@transaction.atomic
def create(
    project: Project,
    *,
    name: str = "",
    model_type: str = "",
    run: Run | None = None,
    params: Sequence[tuple[str, str]] = (),
    tags: Tags,
) -> LoggedModel:
    """A new model, pending until its files are there. Raises Invalid."""
    if project.deleted_at is not None:
        raise Invalid("The experiment is deleted: restore it, or use another one.")
    name = name or f"model-{secrets.token_hex(4)}"
    if not name.strip() or len(name) > 500 or _NOT_IN_NAMES & set(name):
        raise invalid(
            "name", f"is {name[:60]!r}: use 1 to 500 characters without / : . % \" and '."
        )
    check_length("model_type", model_type, 500)
    model = LoggedModel.objects.create(project=project, run=run, name=name, model_type=model_type)
    _write(model, PARAM, _checked_params(params))
    _write(model, TAG, check_tags(tags, LONGEST_RUN_TAG))
    return fresh(model)


def fresh(model: LoggedModel) -> LoggedModel:
    """The model as it is stored now, with all that `record` shows."""
    return shown(LoggedModel.objects.all()).get(pk=model.pk)


def set_status(model: LoggedModel, status: str) -> None:
    """Says that its files are there, or failed to come. Raises Invalid."""
    numbers = {"1": LoggedModel.Status.PENDING, "2": LoggedModel.Status.READY,
               "3": LoggedModel.Status.FAILED}  # fmt: skip
    wanted = numbers.get(status, status)
    if wanted not in LoggedModel.Status.values:
        raise invalid(
            "status", f"is {status[:60]!r}: use one of {', '.join(LoggedModel.Status.values)}."
        )
    refuse_deleted(model)
    _change(model, status=wanted)


@transaction.atomic
def delete(model: LoggedModel) -> None:
    """Moves it to the trash."""
    refuse_deleted(model)
    _change(model, deleted_at=Now())
    audit.record(Action.LOGGED_MODEL_TRASHED, f"{model.name} ({model.pk})", place=model.project)


@transaction.atomic
def set_tags(model: LoggedModel, tags: Tags) -> None:
    """Writes tags over what they were. Raises Invalid."""
    refuse_deleted(model)
    _write(model, TAG, check_tags(tags, LONGEST_RUN_TAG))
    _change(model)


def delete_tag(model: LoggedModel, key: str) -> None:
    """Removes a tag. Raises NotFound."""
    refuse_deleted(model)
    if not model.texts.filter(kind=TAG, key=key).delete()[0]:
        raise no_such("tag", key)
    _change(model)


@transaction.atomic
def add_params(model: LoggedModel, params: Sequence[tuple[str, str]]) -> None:
    """Adds params; one that is there keeps its value, and Invalid if another is given."""
    refuse_deleted(model)
    wanted = _checked_params(params)
    LoggedModel.objects.select_for_update(no_key=True).get(pk=model.pk)  # writers take turns
    known = dict(model.texts.filter(kind=PARAM).values_list("key", "value"))
    if changed := [key for key in wanted if known.get(key, wanted[key]) != wanted[key]]:
        raise Invalid(f"Param {changed[0]!r} has another value already and cannot change.")
    _write(model, PARAM, wanted)
    _change(model)


def refuse_deleted(model: LoggedModel) -> None:
    """Raises NotFound if the model is deleted."""
    if model.deleted_at is not None:
        raise no_such("logged model", model.pk)


def files_of(model: LoggedModel) -> Manifest:
    """Its tree, made if it has none yet."""
    refuse_deleted(model)
    with transaction.atomic():
        locked = LoggedModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        if locked.files is None:
            locked.files = Manifest.objects.create(workspace_id=model.project.workspace_id)
            locked.save(update_fields=["files"])
    return locked.files


def metric_row(
    run: Run,
    model_id: str,
    key: str,
    value: float,
    *,
    timestamp: int,
    step: int,
    dataset: tuple[str, str],
) -> LoggedModelMetric:
    """A point of a model, unsaved. `dataset`: name and digest. Raises Invalid."""
    name, digest = dataset
    return LoggedModelMetric(
        model_id=model_id,
        run=run,
        key=key,
        last=value if math.isfinite(value) else None,
        last_is=floats.kind(value),
        timestamp=timestamp,
        step=step,
        dataset_name=check_length("dataset_name", name, 500),
        dataset_digest=check_length("dataset_digest", digest, 36),
    )


def artifact_uri(model: LoggedModel) -> str:
    """Where its files are."""
    return f"{experiments.location_of(model.project)}/models/{model.pk}/artifacts"


def record(model: LoggedModel) -> Record:
    """A model as MLflow words it."""
    texts: Mapping[str, dict[str, str]] = {PARAM: {}, TAG: {}}
    for row in model.texts.all():
        texts[row.kind][row.key] = row.value
    info = {
        "model_id": model.pk,
        "experiment_id": experiments.id_of(model.project),
        "name": model.name,
        "creation_timestamp_ms": to_ms(model.created_at),
        "last_updated_timestamp_ms": to_ms(model.changed_at),
        "artifact_uri": artifact_uri(model),
        "status": model.status,
        "model_type": model.model_type,
        "source_run_id": model.run_id or "",
        "tags": tag_list(texts[TAG]),
        "registrations": [
            {"name": one.model.name, "version": str(one.number)} for one in model.versions.all()
        ],
    }
    metrics = [_metric(row) for row in model.metrics.all()]
    return {"info": info, "data": {"params": tag_list(texts[PARAM]), "metrics": metrics}}


def _metric(row: LoggedModelMetric) -> Record:
    return {
        "key": row.key,
        "value": number(floats.from_name(row.last_is) if row.last is None else row.last),
        "timestamp": row.timestamp,
        "step": row.step,
        "dataset_name": row.dataset_name,
        "dataset_digest": row.dataset_digest,
        "model_id": row.model_id,
        "run_id": row.run_id,
    }


def _checked_params(params: Sequence[tuple[str, str]]) -> dict[str, str]:
    for key, value in params:
        check_key("params.key", key)
        check_length(f"The value of param {key!r}", value, LONGEST_PARAM)
    return dict(params)


def _write(model: LoggedModel, kind: LoggedModelText.Kind, texts: Tags) -> None:
    LoggedModelText.objects.bulk_create(
        [LoggedModelText(model=model, kind=kind, key=k, value=v) for k, v in texts.items()],
        update_conflicts=True, unique_fields=["model", "kind", "key"], update_fields=["value"],
    )  # fmt: skip


def _change(model: LoggedModel, **fields: object) -> None:
    LoggedModel.objects.filter(pk=model.pk).update(changed_at=Now(), **fields)
