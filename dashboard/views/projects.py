"""Stub."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def latest(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/home.html")


def new(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/home.html")
