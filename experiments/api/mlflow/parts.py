"""mlflow-artifacts/mpu/...: a file in parts. Clients send the parts with the headers they are told.

They send no token with them, so the header is a ticket of the token that began the upload.
"""

from typing import Any

from django.urls import reverse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access, files, numbered_parts
from experiments.api.bodies import Body, RawParser
from experiments.api.mlflow.fields import Fields
from experiments.api.mlflow.views import About, TokenOrPassword
from experiments.errors import NotFound
from experiments.mlflow import artifacts
from experiments.mlflow.artifacts import Place
from experiments.models import ApiToken, Role, User
from experiments.numbered_parts import Upload

PART = "mlflow-part"  # the address of a part
_SCHEME = "Ticket"


class TicketOrToken(TokenOrPassword):
    """Besides tokens, the ticket of one upload."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, ticket = request.headers.get("Authorization", "").partition(" ")
        if scheme != _SCHEME:
            return super().authenticate(request)
        purpose = request.parser_context["kwargs"]["upload"]
        found = access.user_for_ticket(ticket, purpose, lasting=numbered_parts.KEPT)
        if found is None:
            raise exceptions.AuthenticationFailed()
        return found


class AboutFile(About[Place]):
    """The file that a folder of the address and the name of `path` make together."""

    needed = {"POST": Role.MEMBER}

    def find(self) -> Place:
        return artifacts.find(self.call.projects, self.target)

    @property
    def target(self) -> str:
        """The file's path. Clients name it by where it lies on their machine."""
        name = self.call.asked.needed("path").replace("\\", "/").rpartition("/")[2]
        return f"{self.kwargs['path']}/{name}"

    def place_of(self, subject: Place) -> access.Place:
        return subject.project

    @property
    def upload(self) -> Upload:
        """The one named, if it is the caller's and of this file. Raises NotFound."""
        found = numbered_parts.find(self.call.asked.needed("upload_id"), self.caller.pk)
        if found.target != self.target:
            raise NotFound("This upload is of another file.", code="upload_not_found")
        return found


class BeginUpload(AboutFile):
    def post(self, request: Request, path: str) -> Response:
        artifacts.check_free(self.subject)
        upload = numbered_parts.begin(
            user=self.caller.pk, target=self.target, parts=self.call.asked.needed_whole("num_parts")
        )
        token: Any = request.auth
        headers = {"Authorization": f"{_SCHEME} {access.create_ticket(token, upload.id)}"}
        return Response(
            {
                "upload_id": upload.id,
                "credentials": [
                    {"url": _address(request, upload, number), "part_number": number,
                     "headers": headers}
                    for number in range(1, upload.parts + 1)
                ],
            }
        )  # fmt: skip


def _address(request: Request, upload: Upload, number: int) -> str:
    return request.build_absolute_uri(reverse(PART, kwargs={"upload": upload.id, "number": number}))


class CompleteUpload(AboutFile):
    def post(self, request: Request, path: str) -> Response:
        sent = [_part(one) for one in self.call.asked.parts("parts")]
        place = self.subject
        numbered_parts.complete(
            self.upload, sent, lambda source: files.put(place.made(), place.path, source)
        )
        return Response({})


def _part(asked: Fields) -> tuple[int, str]:
    return asked.needed_whole("part_number"), asked.needed("etag").strip('"')


class AbortUpload(AboutFile):
    def post(self, request: Request, path: str) -> Response:
        numbered_parts.abort(self.upload)
        return Response({})


class Part(About[Place]):
    """A part of an upload, whose file says where the caller's role is asked."""

    authentication_classes = [TicketOrToken]
    parser_classes = [RawParser]
    needed = {"PUT": Role.MEMBER}

    def find(self) -> Place:
        return artifacts.find(self.call.projects, self.upload.target)

    def place_of(self, subject: Place) -> access.Place:
        return subject.project

    @property
    def upload(self) -> Upload:
        return numbered_parts.find(self.kwargs["upload"], self.caller.pk)

    def put(self, request: Request, upload: str, number: int) -> Response:
        sha256 = numbered_parts.put(self.upload, number, Body(request))
        return Response({}, headers={"ETag": f'"{sha256}"'})


VIEWS: dict[str, type[AboutFile]] = {
    "mpu/create/<path:path>": BeginUpload,
    "mpu/complete/<path:path>": CompleteUpload,
    "mpu/abort/<path:path>": AbortUpload,
}
