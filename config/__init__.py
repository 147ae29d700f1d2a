"""How the parts are wired together; the only package that knows all others."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
