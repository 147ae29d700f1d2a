"""Middleware around every request: whose act the audit log notes."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from experiments import audit


class Answering:
    """Names the request that is being answered, for as long as it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        before = audit.answering.set(request)
        try:
            return self.get_response(request)
        finally:
            audit.answering.reset(before)
