"""Sections of the compare page that come as they get into sight, each a page of its own, too."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.comparison.console_section import console_section
from dashboard.comparison.selection import selection_of
from dashboard.media.section import media_section
from dashboard.requests import SignedIn


@require_safe
def console(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&old=a&new=b`: what two runs printed, aligned."""
    selection = selection_of(request, documents=False)
    context = {"selection": selection, "console": console_section(selection)}
    return render(request, "dashboard/compare/console.html", context)


@require_safe
def media(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&mstep=100`: what the runs showed at or near a step, side by side."""
    selection = selection_of(request, documents=False)
    context = {"selection": selection, "media": media_section(selection)}
    return render(request, "dashboard/compare/media.html", context)
