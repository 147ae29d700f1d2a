"""Logs: one JSON object a line from whatever `./run` starts, plain text from commands.

A line of JSON has `at` (UTC), `level`, `logger`, `message` and, while a request is answered, its
`request` id, which the answer carries as X-Request-ID. Other keys are what the line is about.
Settings and the web server's configuration read this: nothing here needs Django.
"""

import logging
from contextvars import ContextVar
from typing import Any

# The id of the request that is being answered; "" outside of requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")

FORMATS = ("json", "text")


class NameRequest(logging.Filter):
    """Gives every record the id of the request it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configuration(chosen: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything goes to standard error in the format `chosen`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": "config.logs.NameRequest"}},
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {"()": "config.log_lines.JsonLines"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                # The one the process was born with: config.logged turns the other into records.
                "stream": "ext://sys.__stderr__",
                "formatter": chosen,
                "filters": ["request"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django's own handlers are silent without DEBUG: a failed request left no trace.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Refusals are in the line that `config.requests` writes for every request.
            "django.request": {"level": "ERROR"},
            "gunicorn.error": {"handlers": [], "level": "WARNING", "propagate": True},
            "gunicorn.access": {"handlers": [], "level": "WARNING", "propagate": True},
            # Two lines for every sweep and fold; failures are told all the same.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            # Dozens of lines for every PDF; of letters that no font has, one a file.
            "fontTools": {"level": "WARNING"},
            "fpdf": {"level": "ERROR"},
        },
    }
