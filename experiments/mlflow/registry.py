"""Registered models and their versions as MLflow words them."""

from django.db.models import QuerySet

from experiments.mlflow.words import Record, tag_list, to_ms
from experiments.models import ModelVersion, RegisteredModel
from experiments.registry import catalog, origins, versions
from experiments.registry.origins import Shut


def shown(rows: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """With all that `record` shows."""
    return rows.prefetch_related("tag_rows", "aliases__version", "versions__tag_rows",
                                 "versions__aliases")  # fmt: skip


def record(model: RegisteredModel, shut: Shut) -> Record:
    """A registered model, for a reader who is shut out of these projects."""
    latest = versions.latest_of_stages(model)
    return {
        "name": model.name,
        "creation_timestamp": to_ms(model.created_at),
        "last_updated_timestamp": to_ms(model.changed_at),
        "description": model.description,
        "latest_versions": [version_record(one, shut, model) for one in latest],
        "tags": tag_list(catalog.tags_of(model)),
        "aliases": [
            {"alias": alias.name, "version": str(alias.version.number)}
            for alias in sorted(model.aliases.all(), key=lambda alias: alias.name)
        ],
    }


def fresh(model: RegisteredModel, shut: Shut) -> Record:
    """The same as it is stored now."""
    return record(shown(RegisteredModel.objects.all()).get(pk=model.pk), shut)


def version_record(
    version: ModelVersion, shut: Shut, model: RegisteredModel | None = None
) -> Record:
    """A version of a model, for such a reader."""
    origin = origins.origin_of(version, shut)
    return {
        "name": (model or version.model).name,
        "version": str(version.number),
        "creation_timestamp": to_ms(version.created_at),
        "last_updated_timestamp": to_ms(version.changed_at),
        "current_stage": version.stage,
        "description": version.description,
        "source": origin.source,
        "run_id": origin.run_id,
        "run_link": origin.run_link,
        "model_id": origin.logged_model_id,
        "status": "READY",
        "tags": tag_list(catalog.tags_of(version)),
        "aliases": sorted(alias.name for alias in version.aliases.all()),
    }


def fresh_version(version: ModelVersion, shut: Shut) -> Record:
    """The same as it is stored now."""
    return version_record(versions.versions().get(pk=version.pk), shut)
