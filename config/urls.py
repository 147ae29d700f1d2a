"""Mounts the pages and the APIs."""

from django.urls import include, path

from config.health import healthz
from config.telemetry import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("experiments.api.v1.urls")),
    path("", include("experiments.api.mlflow.urls")),
    path("", include("dashboard.urls")),
]

# JSON below /api/, pages elsewhere.
handler400 = "experiments.api.errors.bad_request"
handler403 = "experiments.api.errors.denied"
handler404 = "experiments.api.errors.not_found"
handler500 = "experiments.api.errors.server_error"
