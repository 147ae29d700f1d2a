"""The addresses of metrics alone."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("experiments.api.v1.metrics"))]
