"""Short addresses: made by *Share view*, and where they lead."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard.requests import SignedIn
from experiments import short_links


@require_POST
def shorten(request: SignedIn) -> HttpResponse:
    """The short address of a page's `address`."""
    link, _ = short_links.shorten(request.POST.get("address", ""), user=request.user)
    return JsonResponse({"url": request.build_absolute_uri(reverse("short_link", args=[link.pk]))})


@require_safe
def follow(request: SignedIn, link_id: str) -> HttpResponse:
    """To the page, which asks itself whether the reader may see it."""
    return redirect(short_links.find(link_id).address)
