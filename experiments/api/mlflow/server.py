"""What clients ask of the server itself, and the answer where there is no such address."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.auth import SIGNED_IN
from experiments.api.mlflow import errors
from experiments.api.mlflow.views import MlflowView

PROTOCOL = "3.17.2"  # the version of MLflow whose clients are tested against this server


@require_safe
def version(request: HttpRequest) -> HttpResponse:
    """The version that clients compare theirs with."""
    return HttpResponse(PROTOCOL, content_type="text/plain")


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """That the web server answers; /healthz says how its parts are."""
    return HttpResponse("OK", content_type="text/plain")


class ServerInfo(MlflowView):
    """What clients may do here that not every server can."""

    needed = {"GET": SIGNED_IN}

    def get(self, request: Request) -> Response:
        can = {"multipart_uploads_enabled": True, "multipart_downloads_enabled": False}
        return Response({"store_type": "SqlStore", "workspaces_enabled": False, **can})


class NoSuchAddress(MlflowView):
    """Whatever of MLflow is not served here."""

    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    needed = dict.fromkeys(methods, SIGNED_IN)

    def get(self, request: Request, rest: str) -> Response:
        message = (
            "This server does not serve this part of MLflow: docs/mlflow.md says what it does."
        )
        return Response(errors.body("ENDPOINT_NOT_FOUND", message), status=404)

    post = put = patch = delete = get
