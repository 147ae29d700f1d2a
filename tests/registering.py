"""Models to register: versions of artifacts, and files of runs and of logged models."""

import io

from experiments import artifacts, blobs, files
from experiments.mlflow import logged_models, registering
from experiments.mlflow.registering import MadeOf
from experiments.models import (
    ArtifactVersion,
    BlobUpload,
    LoggedModel,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
    Workspace,
)
from experiments.registry import catalog


def log_artifact(
    project: Project, name="weights", *, run=None, kind="model", **contents: bytes
) -> ArtifactVersion:
    """A version of an artifact, with a file `net` unless told otherwise."""
    stored = []
    for path, data in (contents or {"net": b"weights"}).items():
        blob = blobs.put(data)
        BlobUpload.objects.get_or_create(workspace=project.workspace, blob=blob)
        stored.append(artifacts.Stored(path=path, sha256=blob.sha256))
    return artifacts.log_version(
        project=project, user=None, name=name, kind=kind, stored=stored, run=run
    ).version


def put(run: Run, path: str, data: bytes = b"weights") -> None:
    """A file of a run."""
    files.put(files.of_run(run), path, io.BytesIO(data))


def logged_model(run: Run, **contents: bytes) -> LoggedModel:
    """A model that a run logged, as clients of MLflow do."""
    model = logged_models.create(run.project, name="net", run=run, tags={})
    for path, data in contents.items():
        files.put(logged_models.files_of(model), path, io.BytesIO(data))
    return LoggedModel.objects.get(pk=model.pk)


def model_named(workspace: Workspace, name: str = "net") -> RegisteredModel:
    """The registered model of that name, made if need be."""
    found = RegisteredModel.objects.filter(workspace=workspace, name=name).first()
    return found or catalog.create(workspace, name=name)


def register(model: RegisteredModel, *, aliases=(), **made_of) -> ModelVersion:
    """A version made of `run=`, `artifact_version=` and so on, whoever sees it."""
    wanted = MadeOf(**made_of)
    return registering.register(model, Project.objects.all(), wanted, aliases=aliases)[0]
