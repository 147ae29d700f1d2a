"""Mounts the pages and the APIs."""

from django.urls import include, path

from config.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/", include("experiments.api.v1.urls")),
    path("", include("dashboard.urls")),
]
