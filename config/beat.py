"""The Celery application of beat alone: it sends names on a schedule and executes nothing.

It loads neither Django nor the tasks, which would take most of beat's start; reading the settings
module needs no Django.
"""

from typing import Any

from celery import Celery
from celery.signals import beat_init

app = Celery("metascope-beat", fixups=[])
app.config_from_object("config.settings", namespace="CELERY")


def sweep_at_once(sender: Any, **_: Any) -> None:
    """A new schedule would wait one period first, and /healthz with it."""
    app.send_task("worker.tasks.sweep_jobs")


beat_init.connect(sweep_at_once)
