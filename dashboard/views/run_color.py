"""Choosing a run's colour: a page, and the same choice in a dialog of other pages."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from dashboard.requests import SignedIn
from dashboard.scope import editable_run
from experiments import lifecycle
from experiments.errors import Invalid
from experiments.models import Run
from experiments.models.runs import COLORS, color_slot


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: SignedIn, run_id: str) -> HttpResponse:
    """The colours to choose from; one sent becomes the run's. Then back to `next`, a page here."""
    run = editable_run(request, run_id)
    back = _back(request, run)
    if request.method == "POST":
        lifecycle.edit_run(run, color=color_in(request.POST.get("color", "")))
        messages.success(request, f"{run.name} has its colour on every page now.")
        return redirect(back)
    context = {
        "run": run,
        "project": run.project,
        "back": back,
        "colors": range(1, COLORS + 1),
        "by_number": color_slot(run.number, None),
    }
    template = "_colors" if "HX-Request" in request.headers else "page"
    return render(request, f"dashboard/run_color/{template}.html", context)


def color_in(text: str) -> int:
    """A colour as forms send it: 1 to 20, or 0 for the one by the run's number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        problem = f"Use 1 to {COLORS}, or 0 for the one by the run's number."
        raise Invalid(f"color: {problem}", fields={"color": [problem]})
    return int(text)


def _back(request: SignedIn, run: Run) -> str:
    asked = request.POST.get("next") or request.GET.get("next", "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(asked, hosts, require_https=request.is_secure()):
        return asked
    return reverse("run", args=[run.pk])
