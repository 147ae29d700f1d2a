"""Home: what runs, what there is, what needs a hand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def home(request: HttpRequest) -> HttpResponse:
    """The first page."""
    return render(request, "dashboard/home.html")
