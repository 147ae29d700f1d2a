"""registered-models/... and model-versions/...: the registry of the caller's home workspace."""

from experiments.access import Place
from experiments.api.mlflow.views import (
    About,
    AboutHome,
    Call,
    MlflowView,
    about,
    page_of,
    together,
)  # fmt: skip
from experiments.errors import Invalid
from experiments.mlflow import registering, registry, searching_registry
from experiments.mlflow.words import Record, no_such
from experiments.models import ModelVersion, RegisteredModel, Role, Workspace
from experiments.registry import catalog, origins, versions
from experiments.registry.origins import Shut


class AboutRegistered(About[RegisteredModel]):
    """The model of `name`."""

    def find(self) -> RegisteredModel:
        return catalog.find(self.call.home, self.call.asked.needed("name"))

    def place_of(self, subject: RegisteredModel) -> Place:
        return subject.workspace


class AboutVersion(About[ModelVersion]):
    """The version of `name` and `version`."""

    def find(self) -> ModelVersion:
        asked = self.call.asked
        return versions.find(self.call.home, asked.needed("name"), asked.needed("version"))

    def place_of(self, subject: ModelVersion) -> Place:
        return subject.model.workspace


def _shut(call: Call) -> Shut:
    """What this caller may not learn the origins of."""
    return origins.shut_projects(call.caller)


def _create(home: Workspace, call: Call) -> Record:
    """Makes a registered model."""
    asked = call.asked
    model = catalog.create(
        home,
        name=asked.needed("name"),
        description=asked.text("description"),
        tags=dict(asked.pairs("tags")),
    )
    return {"registered_model": registry.fresh(model, _shut(call))}


def _get(model: RegisteredModel, call: Call) -> Record:
    """A registered model."""
    return {"registered_model": registry.fresh(model, _shut(call))}


def _update(model: RegisteredModel, call: Call) -> Record:
    """Describes a model."""
    catalog.change(model, description=call.asked.text("description"))
    return _get(model, call)


def _rename(model: RegisteredModel, call: Call) -> Record:
    """Renames a model."""
    catalog.rename(model, call.asked.needed("new_name"))
    return _get(model, call)


def _delete(model: RegisteredModel, call: Call) -> Record:
    """Removes a model with its versions; files and runs stay."""
    catalog.delete(model)
    return {}


def _search(home: Workspace, call: Call) -> Record:
    """Registered models by a filter."""
    found, token = searching_registry.models(home, _shut(call), **_asked(call))
    return page_of("registered_models", found, token)


def _asked(call: Call) -> Record:
    asked = call.asked
    return {
        "text": asked.text("filter"),
        "orders": asked.texts("order_by"),
        "limit": asked.whole("max_results"),
        "token": asked.text("page_token"),
    }


def _latest(model: RegisteredModel, call: Call) -> Record:
    """The highest version of each stage."""
    shut = _shut(call)
    found = versions.latest_of_stages(model, call.asked.texts("stages"))
    return {"model_versions": [registry.version_record(one, shut, model) for one in found]}


def _set_tag(model: RegisteredModel, call: Call) -> Record:
    """Writes a tag of a model."""
    catalog.set_tag(model, None, call.asked.needed("key"), call.asked.text("value"))
    return {}


def _delete_tag(model: RegisteredModel, call: Call) -> Record:
    """Removes a tag of a model."""
    catalog.delete_tag(model, None, call.asked.needed("key"))
    return {}


def _set_alias(model: RegisteredModel, call: Call) -> Record:
    """Points an alias to a version."""
    asked = call.asked
    version = versions.find(model.workspace, model.name, asked.needed("version"))
    versions.set_alias(version, asked.needed("alias"))
    return {}


def _get_alias(model: RegisteredModel, call: Call) -> Record:
    """The version that an alias points to."""
    alias = call.asked.needed("alias")
    found = versions.of_alias(model, alias)
    if found is None:
        raise Invalid(f"Registered model {model.name!r} has no alias {alias[:60]!r}.")
    return {"model_version": registry.version_record(found, _shut(call))}


def _delete_alias(model: RegisteredModel, call: Call) -> Record:
    """Removes an alias."""
    versions.delete_alias(model, call.asked.needed("alias"))
    return {}


def _create_version(model: RegisteredModel, call: Call) -> Record:
    """Makes the next version of a model."""
    asked = call.asked
    version = registering.create_version(
        model,
        call.projects,
        source=asked.needed("source"),
        run_id=asked.text("run_id"),
        model_id=asked.text("model_id"),
        run_link=asked.text("run_link"),
        description=asked.text("description"),
        tags=dict(asked.pairs("tags")),
        user=call.caller,
    )
    return {"model_version": registry.fresh_version(version, _shut(call))}


def _get_version(version: ModelVersion, call: Call) -> Record:
    """A version."""
    return {"model_version": registry.fresh_version(version, _shut(call))}


def _update_version(version: ModelVersion, call: Call) -> Record:
    """Describes a version."""
    catalog.change(version, description=call.asked.text("description"))
    return _get_version(version, call)


def _move(version: ModelVersion, call: Call) -> Record:
    """Moves a version to a stage."""
    versions.move_to_stage(
        version,
        call.asked.needed("stage"),
        archive_others=call.asked.flag("archive_existing_versions"),
    )
    return _get_version(version, call)


def _delete_version(version: ModelVersion, call: Call) -> Record:
    """Removes a version."""
    versions.delete(version)
    return {}


def _search_versions(home: Workspace, call: Call) -> Record:
    """Versions by a filter."""
    found, token = searching_registry.versions(home, _shut(call), **_asked(call))
    return page_of("model_versions", found, token)


def _download(version: ModelVersion, call: Call) -> Record:
    """Where a version's files are."""
    if not (location := origins.origin_of(version, _shut(call)).location):
        raise no_such("file of", f"{version.model.name}/{version.number}")
    return {"artifact_uri": location}


def _tag_version(version: ModelVersion, call: Call) -> Record:
    """Writes a tag of a version."""
    catalog.set_tag(version.model, version, call.asked.needed("key"), call.asked.text("value"))
    return {}


def _untag_version(version: ModelVersion, call: Call) -> Record:
    """Removes a tag of a version."""
    catalog.delete_tag(version.model, version, call.asked.needed("key"))
    return {}


_MODELS, _VERSIONS = "registered-models", "model-versions"
VIEWS: dict[str, type[MlflowView]] = {
    f"{_MODELS}/create": about(AboutHome, _create, Role.MEMBER),
    f"{_MODELS}/get": about(AboutRegistered, _get, Role.VIEWER, "GET"),
    f"{_MODELS}/update": about(AboutRegistered, _update, Role.MEMBER, "PATCH"),
    f"{_MODELS}/rename": about(AboutRegistered, _rename, Role.MEMBER),
    f"{_MODELS}/delete": about(AboutRegistered, _delete, Role.MEMBER, "DELETE"),
    f"{_MODELS}/search": about(AboutHome, _search, Role.VIEWER, "GET"),
    f"{_MODELS}/get-latest-versions": about(AboutRegistered, _latest, Role.VIEWER, "GET", "POST"),
    f"{_MODELS}/set-tag": about(AboutRegistered, _set_tag, Role.MEMBER),
    f"{_MODELS}/delete-tag": about(AboutRegistered, _delete_tag, Role.MEMBER, "DELETE"),
    f"{_MODELS}/alias": together(
        about(AboutRegistered, _get_alias, Role.VIEWER, "GET"),
        about(AboutRegistered, _delete_alias, Role.MEMBER, "DELETE"),
        about(AboutRegistered, _set_alias, Role.MEMBER),
    ),
    f"{_VERSIONS}/create": about(AboutRegistered, _create_version, Role.MEMBER),
    f"{_VERSIONS}/get": about(AboutVersion, _get_version, Role.VIEWER, "GET"),
    f"{_VERSIONS}/update": about(AboutVersion, _update_version, Role.MEMBER, "PATCH"),
    f"{_VERSIONS}/transition-stage": about(AboutVersion, _move, Role.MEMBER),
    f"{_VERSIONS}/delete": about(AboutVersion, _delete_version, Role.MEMBER, "DELETE"),
    f"{_VERSIONS}/search": about(AboutHome, _search_versions, Role.VIEWER, "GET"),
    f"{_VERSIONS}/get-download-uri": about(AboutVersion, _download, Role.VIEWER, "GET"),
    f"{_VERSIONS}/set-tag": about(AboutVersion, _tag_version, Role.MEMBER),
    f"{_VERSIONS}/delete-tag": about(AboutVersion, _untag_version, Role.MEMBER, "DELETE"),
}
