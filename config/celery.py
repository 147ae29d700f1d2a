"""The Celery application; its beat schedule is in the settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("metascope")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["worker"])


def keep_logging(**_: Any) -> None:
    """Logs as the settings say: being connected is what keeps Celery from setting up its own."""


setup_logging.connect(keep_logging)
