"""Live refresh: the page's own view answers its scripts, and tells them when to stop."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

STOP_POLLING = 286  # htmx's status for "this was the last answer"


def render_live(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, live: bool
) -> HttpResponse:
    """The page with `live` in its context; scripts that refresh it stop when it is False."""
    status = STOP_POLLING if "X-Live" in request.headers and not live else 200
    return render(request, template, {**context, "live": live}, status=status)
