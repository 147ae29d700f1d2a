"""/models/<workspace>/<name>/versions/<number>/: files of a version, and where it comes from."""

from typing import Any

from django.http import HttpResponseBase
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import files, lineage
from experiments.api.auth import visible_projects
from experiments.api.bodies import download
from experiments.api.docs import documented
from experiments.api.v1.artifact_shapes import LINEAGE, LineageOutput
from experiments.api.v1.files import FILE, PATH, StoredFileOutput, path_of
from experiments.api.v1.models import ModelView
from experiments.models import ManifestFile, Role
from experiments.registry import origins


class ModelFileOutput(StoredFileOutput):
    """Made with `folder`, below which the version's files are, in its context."""

    def to_representation(self, file: ManifestFile) -> dict[str, Any]:
        """Its path is told below that folder."""
        shown: dict[str, Any] = super().to_representation(file)
        folder: str = self.context["folder"]
        return {**shown, "path": shown["path"].removeprefix(f"{folder}/" if folder else "")}


class ModelFiles(ModelView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "models_files", "List the files of a version", answer=ModelFileOutput, example=FILE,
        paged=True, description="Of one that is stored elsewhere there are none here.",
    )  # fmt: skip
    def get(self, request: Request, workspace: str, name: str, number: int) -> Response:
        tree, folder = origins.files_of(self.version_of(number), self.shut)
        return self.pages.page(
            request,
            files.below(tree, folder),
            by="id",
            show=lambda rows: ModelFileOutput(rows, many=True, context={"folder": folder}).data,
        )


class ModelFileContent(ModelView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "models_download", "Download a file of a version", answer=None, gives_bytes=True,
        query=(PATH,), description="Its bytes; a Range header asks for a part of them.",
    )  # fmt: skip
    def get(self, request: Request, workspace: str, name: str, number: int) -> HttpResponseBase:
        tree, folder = origins.files_of(self.version_of(number), self.shut)
        file = files.find(tree, "/".join(filter(None, (folder, path_of(request)))))
        return download(request, files.blob_of(file), file.path.rpartition("/")[2])


class ModelLineage(ModelView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "models_lineage", "What a version was made from", answer=LineageOutput, example=LINEAGE
    )
    def get(self, request: Request, workspace: str, name: str, number: int) -> Response:
        version = self.version_of(number)
        graph = lineage.of_model(version, origins.run_of(version, self.shut),
                                 visible_projects(request))  # fmt: skip
        return Response(LineageOutput(graph).data)


_version = "models/<slug:workspace>/<str:name>/versions/<int:number>/"
urlpatterns = [
    path(f"{_version}files/", ModelFiles.as_view()),
    path(f"{_version}files/content/", ModelFileContent.as_view()),
    path(f"{_version}lineage/", ModelLineage.as_view()),
]
