"""How pages look for the reader: the colours that runs have."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.requests import SignedIn
from experiments import access
from experiments.models import Palette
from experiments.models.runs import COLORS


@dataclass(frozen=True)
class Choice:
    value: str
    title: str
    told: str


CHOICES = (
    Choice(Palette.STANDARD, "Standard", "Ten hues with a second shade of each."),
    Choice(
        Palette.SAFE,
        "Colour-blind safe",
        "Twice as far apart for eyes that see red, green or blue differently.",
    ),
    Choice(
        Palette.GREY,
        "Told apart by lightness",
        "Each lighter or darker than every other: for print in grey, and eyes that see no hue.",
    ),
)


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: SignedIn) -> HttpResponse:
    """The palettes; the one sent is kept with the reader's account."""
    if request.method == "POST":
        access.choose_palette(request.user, request.POST.get("palette", ""))
        messages.success(request, "Runs have these colours on all of your pages now.")
        return redirect("appearance")
    context = {"choices": CHOICES, "colors": range(1, COLORS + 1)}
    return render(request, "dashboard/appearance.html", context)
