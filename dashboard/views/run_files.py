"""The files of a run as bytes: downloads, and pictures for its page."""

from django.http import HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from dashboard import run_models, stored_files
from dashboard.requests import SignedIn
from dashboard.scope import run_of


@require_safe
def content(request: SignedIn, run_id: str) -> HttpResponseBase:
    """One file of the run as a download; a Range header asks for a part of it."""
    run = run_of(request, run_id)
    return stored_files.send(request, run.files, request.GET.get("path", ""))


@require_safe
def picture(request: SignedIn, run_id: str) -> HttpResponse:
    """One file of the run as a picture."""
    run = run_of(request, run_id)
    return stored_files.picture(run.files, request.GET.get("path", ""))


@require_safe
def drawing(request: SignedIn, run_id: str) -> HttpResponse:
    """An SVG that the run logged as a picture."""
    run = run_of(request, run_id)
    return stored_files.drawing(run.files, request.GET.get("path", ""))


@require_safe
def sound(request: SignedIn, run_id: str) -> HttpResponseBase:
    """One file of the run as a sound or a film, for the player of a page."""
    run = run_of(request, run_id)
    return stored_files.sound(request, run.files, request.GET.get("path", ""))


@require_safe
def page(request: SignedIn, run_id: str) -> HttpResponse:
    """A page of HTML that the run logged, in a sandbox: for a frame of ours alone."""
    run = run_of(request, run_id)
    return stored_files.sandboxed_page(run.files, request.GET.get("path", ""))


@require_safe
def model_content(request: SignedIn, run_id: str, model_id: str) -> HttpResponseBase:
    """One file of a model that the run made or read, as a download."""
    model = run_models.model_of(run_of(request, run_id), model_id, request.user)
    return stored_files.send(request, model.files, request.GET.get("path", ""))


@require_safe
def model_picture(request: SignedIn, run_id: str, model_id: str) -> HttpResponse:
    """One file of such a model as a picture."""
    model = run_models.model_of(run_of(request, run_id), model_id, request.user)
    return stored_files.picture(model.files, request.GET.get("path", ""))
