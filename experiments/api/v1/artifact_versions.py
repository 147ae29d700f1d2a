"""/artifact-versions/<id>/: files and lineage of a version; /runs/<id>/artifacts/: who uses it."""

from django.db.models import Prefetch
from django.http import HttpResponseBase
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import artifacts, files, lineage, retention
from experiments.access import Place
from experiments.api.auth import seen, visible_projects
from experiments.api.bodies import download
from experiments.api.docs import documented
from experiments.api.v1.artifact_shapes import (
    LINEAGE,
    VERSION,
    LineageOutput,
    UseInput,
    UsesOutput,
    VersionChange,
    VersionOutput,
    versions,
)
from experiments.api.v1.files import FILE, PATH, StoredFileOutput, path_of
from experiments.api.views import ApiView, RunView, or_not_found
from experiments.models import ArtifactUse, ArtifactVersion, Role


class VersionView(ApiView):
    """Below /artifact-versions/<id>/."""

    @property
    def version(self) -> ArtifactVersion:
        if not hasattr(self, "_version"):
            rows = versions().filter(
                seen(self.request, "artifact__project"),
                pk=self.kwargs["version_id"],
            )
            self._version = or_not_found(rows.select_related("files").first())
        return self._version

    def find_place(self) -> Place:
        return self.version.artifact.project


class VersionDetail(VersionView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented("artifacts_version", "One version", answer=VersionOutput, example=VERSION)
    def get(self, request: Request, version_id: int) -> Response:
        return Response(VersionOutput(self.version).data)

    @documented(
        "artifacts_pin_version", "Pin a version, or no longer", answer=VersionOutput,
        example={**VERSION, "pinned": True}, body=VersionChange, body_example={"pinned": True},
    )  # fmt: skip
    def patch(self, request: Request, version_id: int) -> Response:
        retention.pin(self.version, self.read(VersionChange)["pinned"])
        return Response(VersionOutput(self.version).data)

    @documented(
        "artifacts_erase_version", "Erase a version", answer=None, status=204, errors=(409,),
        description="409 while it has an alias, is pinned or registered, or a run has read it.",
    )  # fmt: skip
    def delete(self, request: Request, version_id: int) -> Response:
        retention.delete_version(self.version)
        return Response(status=204)


class VersionFiles(VersionView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "artifacts_files", "List the files of a version", answer=StoredFileOutput, example=FILE,
        paged=True, query=(("path", str, "Only what is below this folder."),),
    )  # fmt: skip
    def get(self, request: Request, version_id: int) -> Response:
        return self.pages.page(
            request,
            files.below(self.version.files, request.query_params.get("path", "").strip("/")),
            by="id",
            show=lambda rows: StoredFileOutput(rows, many=True).data,
        )


class VersionFileContent(VersionView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "artifacts_download", "Download a file of a version", answer=None, gives_bytes=True,
        query=(PATH,), description="Its bytes; a Range header asks for a part of them.",
    )  # fmt: skip
    def get(self, request: Request, version_id: int) -> HttpResponseBase:
        file = files.find(self.version.files, path_of(request))
        return download(request, files.blob_of(file), file.path.rpartition("/")[2])


class VersionLineage(VersionView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "artifacts_lineage", "What a version was made from, and what was made from it",
        answer=LineageOutput, example=LINEAGE,
    )  # fmt: skip
    def get(self, request: Request, version_id: int) -> Response:
        graph = lineage.of_version(self.version, visible_projects(request))
        return Response(LineageOutput(graph).data)


class RunArtifacts(RunView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}

    @documented(
        "runs_artifacts", "The versions a run read and made", answer=UsesOutput,
        example={"inputs": [VERSION], "outputs": []},
    )  # fmt: skip
    def get(self, request: Request, run_id: str) -> Response:
        uses = ArtifactUse.objects.filter(seen(request, "version__artifact__project"))
        uses = uses.filter(run=self.run).order_by("id")
        uses = uses.prefetch_related(Prefetch("version", queryset=versions()))
        by_role: dict[str, list[ArtifactVersion]] = {"input": [], "output": []}
        for one in uses:
            by_role[one.role].append(one.version)
        answer = {"inputs": by_role["input"], "outputs": by_role["output"]}
        return Response(UsesOutput(answer).data)

    @documented(
        "runs_use_artifact", "Say that a run reads a version", answer=VersionOutput,
        example=VERSION, body=UseInput, body_example={"version": 7},
    )  # fmt: skip
    def post(self, request: Request, run_id: str) -> Response:
        wanted = self.read(UseInput)["version"]
        rows = versions().filter(seen(request, "artifact__project"), pk=wanted)
        version = or_not_found(rows.first())
        artifacts.use(self.run, version)
        return Response(VersionOutput(version).data)


_version = "artifact-versions/<int:version_id>/"
urlpatterns = [
    path(_version, VersionDetail.as_view()),
    path(f"{_version}files/", VersionFiles.as_view()),
    path(f"{_version}files/content/", VersionFileContent.as_view()),
    path(f"{_version}lineage/", VersionLineage.as_view()),
    path("runs/<slug:run_id>/artifacts/", RunArtifacts.as_view()),
]
