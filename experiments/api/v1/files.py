"""/runs/<id>/files/: the files of a run, listed, uploaded and downloaded."""

from django.db import transaction
from django.http import HttpResponseBase
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import alerts, audit, blobs, files
from experiments.api.bodies import Body, RawParser, download
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import RunView
from experiments.errors import Invalid
from experiments.models import Role
from experiments.models.audit import Action

PATH = ("path", str, "Its path: relative, with / between folders.")


class StoredFileOutput(Output):
    path = serializers.CharField()
    size = serializers.IntegerField(allow_null=True, help_text="Bytes.")
    sha256 = serializers.CharField(source="blob_id", allow_null=True)
    url = serializers.CharField(help_text="Of a file that is kept elsewhere; otherwise empty.")
    updated_at = serializers.DateTimeField()


FILE = {
    "path": "figures/loss.png",
    "size": 2048,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url": "",
    "updated_at": "2026-11-23T10:00:00Z",
}


class RunFiles(RunView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "files_list",
        "List the files of a run",
        answer=StoredFileOutput,
        example=FILE,
        paged=True,
        query=(("path", str, "Only what is below this folder."),),
    )
    def get(self, request: Request, run_id: str) -> Response:
        return self.pages.page(
            request,
            files.below(self.run.files, request.query_params.get("path", "").strip("/")),
            by="id",
            show=lambda rows: StoredFileOutput(rows, many=True).data,
        )


class RunFileContent(RunView):
    needed = {"GET": Role.VIEWER, "PUT": Role.MEMBER, "DELETE": Role.MEMBER}
    parser_classes = [RawParser]

    @documented(
        "files_download",
        "Download a file of a run",
        description="Its bytes; a Range header asks for a part of them.",
        answer=None,
        gives_bytes=True,
        query=(PATH,),
    )
    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        file = files.find(self.run.files, path_of(request))
        return download(request, files.blob_of(file), file.path.rpartition("/")[2])

    @documented(
        "files_upload",
        "Upload a file of a run",
        description="The body is the file, of any size and kind; it takes the place of one that "
        "was there. 200 means that all of it is stored.",
        answer=StoredFileOutput,
        example=FILE,
        takes_bytes=True,
        query=(PATH, ("sha256", str, "What the bytes must have, in hexadecimal; may be left out.")),
    )
    def put(self, request: Request, run_id: str) -> Response:
        digest = request.query_params.get("sha256", "")
        manifest = files.of_run(self.run)
        place = path_of(request)
        files.check_free(manifest, place)
        blob = blobs.receive(Body(request), sha256=digest)
        with transaction.atomic():
            file = files.put_blob(manifest, place, blob)
            alerts.announce(self.run, file)
        return Response(StoredFileOutput(file).data)

    @documented(
        "files_remove",
        "Remove a file of a run, or a folder of them",
        answer=None,
        status=204,
        query=(PATH,),
    )
    def delete(self, request: Request, run_id: str) -> Response:
        found = path_of(request)
        with transaction.atomic():
            files.remove(self.run.files, found)
            audit.record(Action.FILE_REMOVED, found, place=self.run.project, run=self.run.pk)
        return Response(status=204)


def path_of(request: Request) -> str:
    """The file that ?path= names. Raises Invalid."""
    found = request.query_params.get("path", "")
    if not found:
        message = "Name the file: ?path=folder/name."
        raise Invalid(f"path: {message}", fields={"path": [message]})
    return found


urlpatterns = [
    path("runs/<slug:run_id>/files/", RunFiles.as_view()),
    path("runs/<slug:run_id>/files/content/", RunFileContent.as_view()),
]
