"""Stub."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def table(request: HttpRequest, workspace: str, project: str) -> HttpResponse:
    return render(request, "dashboard/home.html")
