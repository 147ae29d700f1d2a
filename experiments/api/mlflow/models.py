"""logged-models/...: models that runs made, their params, tags and status."""

from experiments.access import Place
from experiments.api.auth import SIGNED_IN
from experiments.api.mlflow.fields import Fields
from experiments.api.mlflow.views import (
    About,
    AboutExperiment,
    Call,
    MlflowView,
    about,
    experiments_of,
    for_caller,
    page_of,
    together,
)  # fmt: skip
from experiments.mlflow import logged_models, searching_models
from experiments.mlflow.filters import Order
from experiments.mlflow.searching_models import By, Measured
from experiments.mlflow.words import Record, no_such
from experiments.models import LoggedModel, Project, Role, Run


class AboutModel(About[LoggedModel]):
    """The model of the address; a deleted one only for who allows it."""

    def find(self) -> LoggedModel:
        model_id = self.call.parts["model_id"]
        found = logged_models.visible(self.call.projects).filter(pk=model_id).first()
        allowed = self.request.method == "GET" and self.call.asked.flag("allow_deleted")
        if found is None or (found.deleted_at is not None and not allowed):
            raise no_such("logged model", model_id)
        return found

    def place_of(self, subject: LoggedModel) -> Place:
        return subject.project


def _create(project: Project, call: Call) -> Record:
    """Makes a model, pending."""
    asked = call.asked
    run = None
    if run_id := asked.text("source_run_id"):
        of_workspace = call.projects.filter(workspace=project.workspace_id)
        run = Run.objects.filter(pk=run_id, project__in=of_workspace).first()
        if run is None:
            raise no_such("run", run_id)
    model = logged_models.create(
        project,
        name=asked.text("name"),
        model_type=asked.text("model_type"),
        run=run,
        params=asked.pairs("params"),
        tags=dict(asked.pairs("tags")),
    )
    return {"model": logged_models.record(model)}


def _get(model: LoggedModel, call: Call) -> Record:
    """A model."""
    return {"model": logged_models.record(logged_models.fresh(model))}


def _finish(model: LoggedModel, call: Call) -> Record:
    """Says that its files are there."""
    logged_models.set_status(model, call.asked.word("status"))
    return _get(model, call)


def _delete(model: LoggedModel, call: Call) -> Record:
    """Moves a model to the trash."""
    logged_models.delete(model)
    return {}


def _set_tags(model: LoggedModel, call: Call) -> Record:
    """Writes tags of a model."""
    logged_models.set_tags(model, dict(call.asked.pairs("tags")))
    return _get(model, call)


def _delete_tag(model: LoggedModel, call: Call) -> Record:
    """Removes a tag of a model."""
    logged_models.delete_tag(model, call.parts["key"])
    return {}


def _add_params(model: LoggedModel, call: Call) -> Record:
    """Adds params of a model."""
    logged_models.add_params(model, call.asked.pairs("params"))
    return {}


def _search(call: Call) -> Record:
    """Models of the experiments named."""
    asked = call.asked
    found, token = searching_models.search(
        experiments_of(call),
        text=asked.text("filter"),
        measured=[measured for one in asked.parts("datasets") if (measured := _measured(one))],
        orders=[_by(one) for one in asked.parts("order_by")],
        limit=asked.whole("max_results"),
        token=asked.text("page_token"),
    )
    return page_of("models", found, token)


def _measured(asked: Fields) -> Measured | None:
    name = asked.text("dataset_name")
    return Measured(name, asked.text("dataset_digest")) if name else None


def _by(asked: Fields) -> By:
    key = searching_models.key_of(asked.needed("field_name"))
    descending = "ascending" in asked and not asked.flag("ascending")
    return By(Order(key, descending), _measured(asked))


_ONE = "logged-models/<str:model_id>"
VIEWS: dict[str, type[MlflowView]] = {
    "logged-models": about(AboutExperiment, _create, Role.MEMBER),
    "logged-models/search": for_caller(_search, SIGNED_IN),
    _ONE: together(
        about(AboutModel, _get, Role.VIEWER, "GET"),
        about(AboutModel, _finish, Role.MEMBER, "PATCH"),
        about(AboutModel, _delete, Role.MEMBER, "DELETE"),
    ),
    f"{_ONE}/tags": about(AboutModel, _set_tags, Role.MEMBER, "PATCH"),
    f"{_ONE}/tags/<path:key>": about(AboutModel, _delete_tag, Role.MEMBER, "DELETE"),
    f"{_ONE}/params": about(AboutModel, _add_params, Role.MEMBER),
}
