"""Addresses of MLflow's tracking server. None ends in a slash, and none redirects."""

from django.urls import URLPattern, path

from experiments.api.mlflow import artifacts, experiments, models, parts, registry, runs, server

MLFLOW, ARTIFACTS = "api/2.0/mlflow/", "api/2.0/mlflow-artifacts/"

# Those of runs first, as they are asked most: each address is tried in turn.
_VIEWS = {**runs.VIEWS, **experiments.VIEWS, **models.VIEWS, **registry.VIEWS}
_FILES = {**artifacts.VIEWS, **parts.VIEWS}

urlpatterns: list[URLPattern] = [
    *[path(f"{MLFLOW}{address}", view.as_view()) for address, view in _VIEWS.items()],
    *[path(f"{ARTIFACTS}{address}", view.as_view()) for address, view in _FILES.items()],
    path(f"{ARTIFACTS}mpu/part/<str:upload>/<int:number>", parts.Part.as_view(), name=parts.PART),
    path(f"{MLFLOW}<path:rest>", server.NoSuchAddress.as_view()),
    path(f"{ARTIFACTS}<path:rest>", server.NoSuchAddress.as_view()),
    path("api/3.0/mlflow/server-info", server.ServerInfo.as_view()),
    path("api/3.0/mlflow/<path:rest>", server.NoSuchAddress.as_view()),
    path("version", server.version),
    path("health", server.health),
]
