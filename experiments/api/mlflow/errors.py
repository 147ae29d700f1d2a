"""Every failure in MLflow's shape: {"error_code", "message"}."""

from collections.abc import Mapping
from typing import Any

from rest_framework.response import Response

from experiments.api import errors
from experiments.errors import Conflict, Denied, DomainError, Invalid, NotFound
from experiments.mlflow.words import AlreadyExists

_CODES: tuple[tuple[type[DomainError], str, int], ...] = (
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS", 400),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (Denied, "PERMISSION_DENIED", 403),
    (Conflict, "INVALID_PARAMETER_VALUE", 400),
    (Invalid, "INVALID_PARAMETER_VALUE", 400),
)
_BY_STATUS = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "BAD_REQUEST",
    413: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    507: "TEMPORARILY_UNAVAILABLE",
}


def body(code: str, message: str) -> dict[str, str]:
    """The shape."""
    return {"error_code": code, "message": message}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler for these addresses. None: a logged 500."""
    response = errors.handle(error, context)
    if response is None:
        return None
    if response.status_code == 507:  # clients retry 503 alone
        response.status_code = 503
    code = _BY_STATUS.get(response.status_code, "BAD_REQUEST")
    for kind, named, status in _CODES:
        if isinstance(error, kind):
            code, response.status_code = named, status
            break
    response.data = body(code, response.data["error"]["message"])
    return response
