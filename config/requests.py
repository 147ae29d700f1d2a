"""Middleware around every request: its name, its line in the log, and whose act the audit notes."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from config import logs, telemetry
from experiments import audit
from experiments.models import User

logger = logging.getLogger("metascope.requests")
HEADER = "X-Request-ID"
OURS = "X-Metascope"  # by which clients tell our answers from those of whatever stands in our place
_GIVEN = re.compile(r"[A-Za-z0-9._:@=+/-]{1,100}", re.ASCII)
_QUIET = ("/static/", "/healthz", "/metrics")  # polled, or many to a page: told when they fail
_SECRETS = ("secret",)  # parts of addresses that sign somebody in


class Answering:
    """Names the request for as long as it is answered, then logs and counts how it went.

    The name is the caller's X-Request-ID, where a proxy or a script gave a sensible one, or new.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        name = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        named = logs.request_id.set(name)
        before = audit.answering.set(request)
        started = time.perf_counter()
        try:
            answer = self.get_response(request)
            answer.headers[HEADER] = name
            answer.headers[OURS] = "1"
            _tell(request, answer.status_code, time.perf_counter() - started)
        finally:
            audit.answering.reset(before)
            logs.request_id.reset(named)
        return answer


def _tell(request: HttpRequest, status: int, seconds: float) -> None:
    match = request.resolver_match
    route = "" if match is None else match.route
    telemetry.count_request(request.method or "", route, status, seconds)
    if status < 400 and request.path.startswith(_QUIET):
        return
    path = request.path
    for key in _SECRETS:
        value = "" if match is None else match.kwargs.get(key)
        if value:
            path = path.replace(value, "...")
    logger.log(
        logging.ERROR if status >= 500 else logging.INFO,
        "%s %s %s",
        request.method,
        path,
        status,
        extra={
            "method": request.method,
            "path": path,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "user": _user_id(request),
            "address": audit.address_of(request),
        },
    )


def _user_id(request: HttpRequest) -> int | None:
    """Of who is signed in, where that was asked at all: a line in the log costs no query."""
    user = getattr(request, "_cached_user", None) or vars(request).get("user")
    # Not isinstance, which would make the lazy object of a session look its user up.
    return user.pk if type(user) is User else None
