"""Home: what runs, what there is, what needs a hand."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.home_facts import home_context
from dashboard.live import render_live
from dashboard.requests import SignedIn


@require_safe
def home(request: SignedIn) -> HttpResponse:
    """The first page, and the answer to its live refresh."""
    context = home_context(request.user)
    live = bool(context["running"] or context["waiting"])
    return render_live(request, "dashboard/home.html", context, live=live)
