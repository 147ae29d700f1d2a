"""The Celery application of beat alone: it sends names on a schedule and executes nothing.

It loads neither Django nor the tasks, which would take most of beat's start; reading the settings
module needs no Django.
"""

import logging.config
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging

from config import env, logs

app = Celery("metascope-beat", fixups=[])
app.config_from_object("config.settings", namespace="CELERY")


def sweep_at_once(sender: Any, **_: Any) -> None:
    """A new schedule would wait one period first, and /healthz with it."""
    app.send_task("worker.tasks.sweep_jobs")


beat_init.connect(sweep_at_once)


def log_like_the_others(**_: Any) -> None:
    """Django, which does this elsewhere, is not loaded here."""
    chosen = env.one_of("METASCOPE_LOG_FORMAT", "text", *logs.FORMATS)
    logging.config.dictConfig(logs.configuration(chosen))
    logging.getLogger().setLevel("WARNING")


setup_logging.connect(log_like_the_others)
