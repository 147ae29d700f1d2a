"""Every failure of the API in one shape: {"error": {"code", "message", "fields"}}."""

import errno
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from experiments.api.json import too_large
from experiments.errors import (
    Conflict,
    Denied,
    DomainError,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
)

_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (TooLarge, 413),
    (Unavailable, 503),
    (Invalid, 400),
)
logger = logging.getLogger(__name__)

NOT_FOUND = "There is no such thing here, or it is not yours to see."
_SENTENCES = {
    401: "Sign in, or send a valid token: Authorization: Bearer ms_...",
    404: NOT_FOUND,
}


def body(code: str, message: str, fields: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """The one shape."""
    return {"error": {"code": code, "message": message, "fields": dict(fields or {})}}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None lets an unexpected error become a logged 500."""
    if isinstance(error, RequestDataTooBig):
        error = too_large()
    if isinstance(error, DomainError):
        shape = body(error.code, error.message, error.fields)
        shape["error"].update(error.details)
        response = Response(shape, status_of(error))
    elif isinstance(error, exceptions.APIException):
        response = _framework_response(error)
    elif isinstance(error, Http404):
        response = Response(body("not_found", NOT_FOUND), 404)
    elif isinstance(error, PermissionDenied):
        response = Response(body("denied", "This is not allowed."), 403)
    elif isinstance(error, SuspiciousOperation | TooManyFieldsSent):
        response = Response(body("bad_request", "The request cannot be read."), 400)
    elif (unable := _unable(error)) is not None:
        response = unable
    else:
        return None
    set_rollback()
    return response


def _unable(error: Exception) -> Response | None:
    """What is right and cannot be done now: clients send the same again later."""
    if not isinstance(error, OperationalError | OSError):
        return None
    text = str(error).lower()
    if (
        "disk is full" in text  # SQLite
        or "no space left" in text  # the system, PostgreSQL
        or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
    ):
        logger.error("The disk is full: %s", error)
        message = (
            "The server's disk is full; nothing was stored. Make room on it, then send this again."
        )
        return Response(body("disk_full", message), 507, headers={"Retry-After": "30"})
    if "database is locked" in text:
        logger.error("A request waited too long to write: %s", error)
        message = "The database is busy; nothing was stored. Send this again."
        return Response(body("busy", message), 503, headers={"Retry-After": "2"})
    if isinstance(error, OperationalError) and connection.vendor == "postgresql":
        # Its errors of this kind are of the moment: a deadlock, a lock that was waited for too
        # long, too many connections, a server that restarts.
        logger.error("The database could not answer: %s", error)
        message = "The database cannot answer now. Send this again."
        return Response(body("busy", message), 503, headers={"Retry-After": "2"})
    return None


def status_of(error: DomainError) -> int:
    """The HTTP status of a domain error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def _framework_response(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, exceptions.ValidationError):
        fields = dict(_fields(error.detail, ""))
        path, messages = next(iter(fields.items()), ("", ["The input cannot be taken."]))
        message = f"{path}: {messages[0]}" if path else messages[0]
        return Response(body("invalid", message, fields), 400, headers=headers)
    status = error.status_code
    code = str(getattr(error, "default_code", "error"))
    if isinstance(error, exceptions.PermissionDenied):
        code = "denied"
    message = _SENTENCES.get(status) or str(error.detail)
    return Response(body(code, message), status, headers=headers)


def _fields(detail: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """DRF's nested details as (dotted path, messages)."""
    if isinstance(detail, Mapping):
        for key, part in detail.items():
            if key == "non_field_errors":
                yield from _fields(part, path)
            elif isinstance(key, int):
                yield from _fields(part, f"{path}[{key}]")
            else:
                yield from _fields(part, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list) and any(isinstance(part, Mapping) for part in detail):
        for index, part in enumerate(detail):
            yield from _fields(part, f"{path}[{index}]")
    elif isinstance(detail, list):
        if detail:
            yield path, [str(part) for part in detail]
    else:
        yield path, [str(detail)]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: JSON below /api/, Django's page elsewhere."""
    if isinstance(exception, RequestDataTooBig) and _is_api(request):
        return JsonResponse(body(TooLarge.code, too_large().message), status=413)
    if _is_api(request):
        return JsonResponse(body("bad_request", "The request cannot be read."), status=400)
    return defaults.bad_request(request, exception)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if _is_api(request):
        return JsonResponse(body("denied", "This is not allowed."), status=403)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if _is_api(request):
        message = "There is no such address: see /api/v1/docs/ for all of them."
        return JsonResponse(body("not_found", message), status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. Django has logged the traceback already."""
    if _is_api(request):
        message = "The server failed at this; its log says why. Nothing was stored."
        return JsonResponse(body("server_error", message), status=500)
    return defaults.server_error(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
