"""Stub."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def tokens(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/home.html")
