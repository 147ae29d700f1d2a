"""mlflow-artifacts/...: files in and out, and what a folder holds."""

from django.db import transaction
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access, audit, files
from experiments.api.bodies import Body, RawParser, download
from experiments.api.mlflow.views import About, MlflowView
from experiments.mlflow import artifacts
from experiments.mlflow.artifacts import Place
from experiments.models import Role
from experiments.models.audit import Action


class AboutPlace(About[Place]):
    """What the path of the address stands for."""

    parser_classes = [RawParser]

    def find(self) -> Place:
        return artifacts.find(self.call.projects, self._path())

    def _path(self) -> str:
        return str(self.kwargs["path"])

    def place_of(self, subject: Place) -> access.Place:
        return subject.project


class ArtifactContent(AboutPlace):
    """A file by its path."""

    needed = {"GET": Role.VIEWER, "PUT": Role.MEMBER, "DELETE": Role.MEMBER}

    def get(self, request: Request, path: str) -> HttpResponseBase:
        file = files.find(self.subject.tree, self.subject.path)
        return download(request, files.blob_of(file), file.path.rpartition("/")[2])

    def put(self, request: Request, path: str) -> Response:
        files.put(self.subject.made(), self.subject.path, Body(request))
        return Response({})

    def delete(self, request: Request, path: str) -> Response:
        place = self.subject
        with transaction.atomic():
            files.remove(place.made(), place.path)
            owner = place.owner.pk
            audit.record(Action.FILE_REMOVED, place.path, place=place.project, owner=owner)
        return Response({})


class ArtifactListing(AboutPlace):
    """A folder by the path in the query."""

    needed = {"GET": Role.VIEWER}

    def _path(self) -> str:
        return self.request.query_params.get("path", "")

    def get(self, request: Request) -> Response:
        return Response({"files": artifacts.listing(self.subject)})


VIEWS: dict[str, type[MlflowView]] = {
    "artifacts": ArtifactListing,
    "artifacts/<path:path>": ArtifactContent,
}
