"""/workspaces/<workspace>/blobs/: bytes of files, sent before they are put into artifacts."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import uploads
from experiments.api.auth import authorize_anywhere
from experiments.api.bodies import Body, RawParser
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, Texts
from experiments.api.views import WorkspaceView
from experiments.errors import Invalid
from experiments.models import Role

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LARGEST = 2**50


class HashesInput(Input):
    sha256 = Texts(max_length=uploads.MOST_ASKED, help_text="Of the files, in hexadecimal.")


class MissingOutput(Output):
    missing = serializers.ListField(child=serializers.CharField())


class UploadOutput(Output):
    stored = serializers.BooleanField(help_text="All of it is here.")
    received = serializers.IntegerField(help_text="Bytes of it that are here: go on from there.")


class BlobView(WorkspaceView):
    """Who may write to one project of a workspace may send files for it."""

    def authorize(self, needed: Role) -> None:
        authorize_anywhere(self.request, self.find_workspace(), needed)


class MissingBlobs(BlobView):
    needed = {"POST": Role.MEMBER}

    @documented(
        "blobs_missing",
        "Ask which files have to be sent",
        description="Those the workspace has not sent yet; up to 10,000 at once.",
        answer=MissingOutput,
        example={"missing": [SHA]},
        body=HashesInput,
        body_example={"sha256": [SHA]},
    )
    def post(self, request: Request, workspace: str) -> Response:
        asked = self.read(HashesInput)
        return Response({"missing": uploads.missing(self.find_workspace(), asked["sha256"])})


class BlobUpload(BlobView):
    needed = {"GET": Role.MEMBER, "PUT": Role.MEMBER}
    parser_classes = [RawParser]

    @documented(
        "blobs_state",
        "Ask how much of a file is here",
        answer=UploadOutput,
        example={"stored": False, "received": 67_108_864},
    )
    def get(self, request: Request, workspace: str, sha256: str) -> Response:
        found = self.find_workspace()
        if not uploads.missing(found, [sha256]):
            return Response({"stored": True, "received": uploads.size_of(sha256)})
        return Response({"stored": False, "received": uploads.received(found, sha256)})

    @documented(
        "blobs_send",
        "Send a file, or a part of one",
        description="The body is the file with this SHA-256; with `offset` and `size` the part of "
        "a file of `size` bytes that begins at `offset`, in order, so that an upload that broke "
        "off goes on. 409 names where, in error.fields.offset.",
        answer=UploadOutput,
        example={"stored": True, "received": 134_217_728},
        takes_bytes=True,
        query=(
            ("offset", int, "Where this part begins."),
            ("size", int, "Of the whole file, in bytes; goes with offset."),
        ),
        errors=(409,),
    )
    def put(self, request: Request, workspace: str, sha256: str) -> Response:
        found = self.find_workspace()
        offset, size = _whole(request, "offset"), _whole(request, "size")
        if (offset is None) != (size is None):
            raise _invalid("size", "offset and size go together.")
        if offset is None or size is None:
            blob = uploads.receive(found, sha256, Body(request))
            return Response({"stored": True, "received": blob.size})
        blob_or_none = uploads.append(found, sha256, Body(request), offset=offset, size=size)
        here = size if blob_or_none else uploads.received(found, sha256)
        return Response({"stored": blob_or_none is not None, "received": here})


def _whole(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17) or int(text) > LARGEST:
        raise _invalid(name, "Use a whole number of bytes.")
    return int(text)


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", fields={field: [message]})


_blobs = "workspaces/<slug:workspace>/blobs/"
urlpatterns = [
    path(f"{_blobs}missing/", MissingBlobs.as_view()),
    path(f"{_blobs}<str:sha256>/", BlobUpload.as_view()),
]
