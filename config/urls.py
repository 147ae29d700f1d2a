"""Mounts the pages and the APIs."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("experiments.api.v1.urls")),
    path("", include("dashboard.urls")),
]
