"""How a record becomes a line of JSON."""

import logging
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

# Objects that Django and Celery attach for their own handlers; no facts for a log.
_OBJECTS = ("request", "response", "exc", "task", "data", "taskName", "status_code")


class JsonLines(JsonFormatter):
    """{"at", "level", "logger", "message", ...} with the record's own extra keys and traceback."""

    def __init__(self) -> None:
        super().__init__("%(message)s", reserved_attrs=[*_STANDARD, *_OBJECTS], json_default=str)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """The four that every line has come first."""
        at = datetime.fromtimestamp(record.created, UTC)
        log_data["at"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)
        named = log_data.pop("request_id", "")
        if named:
            log_data["request"] = named


_STANDARD = (*vars(logging.makeLogRecord({})), "message", "asctime")
