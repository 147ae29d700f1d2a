"""Every page needs a signed-in reader; what the domain refuses becomes a page that says why."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from experiments.errors import Conflict, Denied, DomainError, Invalid, NotFound, TooLarge

# These answer for themselves: the APIs by token or session, `/metrics` by its own token, health and
# version to anybody.
OPEN_PREFIXES = ("/api/", "/health", "/metrics", "/version")

STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (TooLarge, 413),
    (Invalid, 400),
)


def status_of(error: DomainError) -> int:
    """The HTTP status that says what kind of refusal it was."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 400)


def wants_json(request: HttpRequest) -> bool:
    """Asked for by a script (htmx, a chart, a POST of ours) rather than by the address bar."""
    scripts = "HX-Request" in request.headers or "X-Live" in request.headers
    return scripts or not request.accepts("text/html")


class SignInRequired(LoginRequiredMiddleware):
    """Sends strangers to the sign-in page; scripts get 401 and the address to go to."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if request.path.startswith(OPEN_PREFIXES):
            return None
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        if answer is None or not wants_json(request):
            return answer
        message = "You are signed out. Sign in, then try again."
        body = {"error": {"code": "signed_out", "message": message, "fields": {}}}
        return JsonResponse(
            body, status=401, headers={"HX-Redirect": self.get_login_url(view_func)}
        )


class DomainErrors:
    """Answers a DomainError that a page raised: JSON for scripts, a page for people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        status = status_of(error)
        if wants_json(request):
            body = {"code": error.code, "message": error.message, "fields": error.fields}
            return JsonResponse({"error": body}, status=status)
        context = {"error": error, "status": status}
        return render(request, "errors/refused.html", context, status=status)
