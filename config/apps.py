"""Ties the wiring to Django's start."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Publishing goes through our Celery application from now on, in every process."""
        from config import celery  # noqa: F401  (being imported is what makes it the current one)
