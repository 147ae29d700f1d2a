"""runs/... and metrics/...: made, ended, written on and read."""

from collections.abc import Iterable

from django.db.models import QuerySet

from experiments import lifecycle
from experiments.api.auth import SIGNED_IN
from experiments.api.mlflow.fields import Fields
from experiments.api.mlflow.points import BatchParser, OneMetricParser, logging_view
from experiments.api.mlflow.views import (
    AboutExperiment,
    AboutRun,
    Call,
    MlflowView,
    about,
    about_run_id,
    experiments_of,
    for_caller,
    page_of,
)
from experiments.mlflow import (
    artifacts,
    datasets,
    history,
    logged_models,
    logging,
    records,
    runs,
    searching,
)
from experiments.mlflow.logging import Point
from experiments.mlflow.words import Record, no_such
from experiments.models import Project, Role, Run


def _create(project: Project, call: Call) -> Record:
    """Makes a run, which is running."""
    asked = call.asked
    run = runs.create(
        project,
        call.caller,
        user_id=asked.text("user_id"),
        name=asked.text("run_name"),
        start_time=asked.whole("start_time"),
        tags=dict(asked.pairs("tags")),
    )
    return {"run": records.new(run)}


def _get(run: Run, call: Call) -> Record:
    """A run, deleted or not."""
    return {"run": records.in_order([run.pk])[0]}


def _update(run: Run, call: Call) -> Record:
    """Changes a run's status, end and name, as far as they are given."""
    asked = call.asked
    status = runs.status_of(asked.word("status")) if "status" in asked else None
    runs.update(run, status=status, end_time=asked.whole("end_time"), name=asked.text("run_name"))
    return {"run_info": records.info_of(run)}


def _delete(run: Run, call: Call) -> Record:
    """Moves a run to the trash."""
    lifecycle.trash(run)
    return {}


def _restore(run: Run, call: Call) -> Record:
    """Takes a run out of the trash."""
    lifecycle.restore(run)
    return {}


def _log_metric(run_id: str, call: Call) -> Record:
    """Stores a point of a metric."""
    points = [_point(call.asked)]
    _check_models(call.writable, [point.model_id for point in points])
    logging.log(run_id, points=points)
    return {}


def _log_param(run_id: str, call: Call) -> Record:
    """Stores a param."""
    logging.log(run_id, params=[(call.asked.needed("key"), call.asked.text("value"))])
    return {}


def _log_batch(run_id: str, call: Call) -> Record:
    """Stores metrics, params and tags, all or nothing."""
    asked = call.asked
    points = [_point(one) for one in asked.parts("metrics")]
    _check_models(call.writable, [point.model_id for point in points])
    logging.log(
        run_id,
        points=points,
        params=asked.pairs("params"),
        tags=dict(asked.pairs("tags")),
    )
    return {}


def _check_models(projects: QuerySet[Project], ids: Iterable[str]) -> None:
    """Raises NotFound for a logged model that is in none of these projects."""
    wanted = set(ids) - {""}
    if wanted:
        found = logged_models.visible(projects).filter(pk__in=wanted)
        if missing := sorted(wanted - set(found.values_list("pk", flat=True))):
            raise no_such("logged model", missing[0])


def _point(asked: Fields) -> Point:
    return Point(
        key=asked.needed("key"),
        value=asked.number("value"),
        timestamp=asked.needed_whole("timestamp"),
        step=asked.whole("step") or 0,
        model_id=asked.text("model_id"),
        dataset_name=asked.text("dataset_name"),
        dataset_digest=asked.text("dataset_digest"),
    )


def _set_tag(run_id: str, call: Call) -> Record:
    """Writes a tag of a run."""
    logging.log(run_id, tags={call.asked.needed("key"): call.asked.text("value")})
    return {}


def _delete_tag(run: Run, call: Call) -> Record:
    """Removes a tag of a run."""
    runs.delete_tag(run, call.asked.needed("key"))
    return {}


def _history(run: Run, call: Call) -> Record:
    """The points of a metric."""
    asked = call.asked
    found, token = history.page(
        run,
        asked.needed("metric_key"),
        limit=asked.whole("max_results"),
        token=asked.text("page_token"),
    )
    return page_of("metrics", found, token)


def _search(call: Call) -> Record:
    """Runs of the experiments named, by a filter, in an order."""
    asked = call.asked
    found, token = searching.search(
        experiments_of(call),
        text=asked.text("filter"),
        orders=asked.texts("order_by"),
        stages=searching.stages_of(asked.word("run_view_type")),
        limit=asked.whole("max_results"),
        token=asked.text("page_token"),
    )
    return page_of("runs", found, token)


def _log_inputs(run: Run, call: Call) -> Record:
    """Notes datasets and models that a run read."""
    asked = call.asked
    reads = [_read(one) for one in asked.parts("datasets")]
    models = [one.needed("model_id") for one in asked.parts("models")]
    _check_models(call.projects, models)
    datasets.log_inputs(run, reads, models)
    return {}


def _read(asked: Fields) -> datasets.Read:
    dataset = asked.part("dataset")
    fields = {name: dataset.text(name) for name in datasets.LIMITS}
    for name in ("name", "digest"):
        dataset.needed(name)
    return datasets.Read(fields, dict(asked.pairs("tags")))


def _log_outputs(run: Run, call: Call) -> Record:
    """Notes models that a run made."""
    models = {one.needed("model_id"): one.whole("step") or 0 for one in call.asked.parts("models")}
    _check_models(call.projects, models)
    datasets.log_outputs(run, models)
    return {}


def _artifacts(run: Run, call: Call) -> Record:
    """A folder of a run's files, by their paths below its root."""
    return {
        "root_uri": runs.artifact_uri(run),
        "files": artifacts.listing_of_run(run, call.asked.text("path")),
    }


VIEWS: dict[str, type[MlflowView]] = {
    "runs/create": about(AboutExperiment, _create, Role.MEMBER),
    "runs/get": about(AboutRun, _get, Role.VIEWER, "GET"),
    "runs/update": about(AboutRun, _update, Role.MEMBER),
    "runs/delete": about(AboutRun, _delete, Role.MEMBER),
    "runs/restore": about(AboutRun, _restore, Role.MEMBER),
    "runs/log-metric": logging_view(_log_metric, OneMetricParser),
    "runs/log-parameter": about_run_id(_log_param, Role.MEMBER),
    "runs/log-batch": logging_view(_log_batch, BatchParser),
    "runs/set-tag": about_run_id(_set_tag, Role.MEMBER),
    "runs/delete-tag": about(AboutRun, _delete_tag, Role.MEMBER),
    "runs/log-inputs": about(AboutRun, _log_inputs, Role.MEMBER),
    "runs/outputs": about(AboutRun, _log_outputs, Role.MEMBER),
    "runs/search": for_caller(_search, SIGNED_IN),
    "metrics/get-history": about(AboutRun, _history, Role.VIEWER, "GET"),
    "artifacts/list": about(AboutRun, _artifacts, Role.VIEWER, "GET"),
}
