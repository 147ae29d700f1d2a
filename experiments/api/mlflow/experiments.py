"""experiments/...: made, found, renamed, deleted, tagged."""

from experiments.access import Place
from experiments.api.mlflow.views import (
    About,
    AboutExperiment,
    AboutHome,
    Call,
    MlflowView,
    about,
    ensure_default,
    page_of,
)
from experiments.mlflow import experiments, searching, searching_experiments
from experiments.mlflow.words import Record
from experiments.models import Project, Role, Workspace


class AboutNamedExperiment(About[Project]):
    """The experiment of `experiment_name` in the caller's home workspace."""

    def find(self) -> Project:
        name = self.call.asked.needed("experiment_name")
        if name == experiments.DEFAULT_NAME:
            ensure_default(self.call)
        return experiments.by_name(self.call.home, name, self.call.projects)

    def place_of(self, subject: Project) -> Place:
        return subject


def _create(home: Workspace, call: Call) -> Record:
    """Makes an experiment."""
    asked = call.asked
    project = experiments.create(
        home,
        name=asked.needed("name"),
        location=asked.text("artifact_location"),
        tags=dict(asked.pairs("tags")),
    )
    return {"experiment_id": experiments.id_of(project)}


def _get(project: Project, call: Call) -> Record:
    """An experiment, deleted or not."""
    return {"experiment": experiments.record(project)}


def _update(project: Project, call: Call) -> Record:
    """Renames an experiment."""
    if name := call.asked.text("new_name"):
        experiments.rename(project, name)
    return {}


def _delete(project: Project, call: Call) -> Record:
    """Moves an experiment to the trash; as in our own API, an admin's to do."""
    experiments.delete(project)
    return {}


def _restore(project: Project, call: Call) -> Record:
    """Takes an experiment out of the trash."""
    experiments.restore(project)
    return {}


def _set_tag(project: Project, call: Call) -> Record:
    """Writes a tag of an experiment."""
    experiments.set_tag(project, call.asked.needed("key"), call.asked.text("value"))
    return {}


def _delete_tag(project: Project, call: Call) -> Record:
    """Removes a tag of an experiment."""
    experiments.delete_tag(project, call.asked.needed("key"))
    return {}


def _search(home: Workspace, call: Call) -> Record:
    """Experiments by a filter, in an order."""
    ensure_default(call)
    asked = call.asked
    found, token = searching_experiments.search(
        home,
        call.projects,
        text=asked.text("filter"),
        orders=asked.texts("order_by"),
        stages=searching.stages_of(asked.word("view_type")),
        limit=asked.whole("max_results"),
        token=asked.text("page_token"),
    )
    return page_of("experiments", found, token)


VIEWS: dict[str, type[MlflowView]] = {
    "experiments/create": about(AboutHome, _create, Role.MEMBER),
    "experiments/get": about(AboutExperiment, _get, Role.VIEWER, "GET"),
    "experiments/get-by-name": about(AboutNamedExperiment, _get, Role.VIEWER, "GET"),
    "experiments/search": about(AboutHome, _search, Role.VIEWER, "GET", "POST"),
    "experiments/update": about(AboutExperiment, _update, Role.MEMBER),
    "experiments/delete": about(AboutExperiment, _delete, Role.ADMIN),
    "experiments/restore": about(AboutExperiment, _restore, Role.ADMIN),
    "experiments/set-experiment-tag": about(AboutExperiment, _set_tag, Role.MEMBER),
    "experiments/delete-experiment-tag": about(AboutExperiment, _delete_tag, Role.MEMBER),
}
