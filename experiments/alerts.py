"""Alerts of a run: what its script wanted people to see. Each is a small file below `alerts/`.

    alerts/<nanoseconds since 1970, 19 digits>-<any>.json
    {"title": ..., "text": ..., "level": "info" | "warning" | "error", "step": ..., "time": ...}

Whoever may store a run's files may write one; what is no alert is passed over, and stays a file.
"""

import json
import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from experiments import blobs, events, files
from experiments.errors import DomainError
from experiments.models import EventKind, ManifestFile, Run

logger = logging.getLogger(__name__)
FOLDER = "alerts"
LEVELS = ("info", "warning", "error")
LARGEST = 64 * 1024  # bytes of a file that is looked at
MOST = 100


@dataclass(frozen=True)
class Alert:
    """What was said, when, and how serious it is."""

    title: str
    text: str
    level: str
    step: int | None
    at: datetime


def of_run(run: Run, limit: int = MOST) -> list[Alert]:
    """The latest alerts of a run, the newest first."""
    if run.files is None:
        return []
    rows = files.below(run.files, FOLDER).filter(size__lte=LARGEST, blob__isnull=False)
    found = (_alert(row) for row in rows.order_by("-path")[:limit])
    return [alert for alert in found if alert is not None]


def announce(run: Run, file: ManifestFile) -> None:
    """A file of the run was stored: if it is an alert, those who watch for these hear of it."""
    if not file.path.startswith(f"{FOLDER}/") or (file.size or 0) > LARGEST:
        return
    found = _alert(file)
    if found is not None:
        events.note(
            EventKind.ALERT, run_id=run.pk, project_id=run.project_id, key=file.path,
            title=found.title[:200], text=found.text[:2_000], level=found.level, step=found.step,
        )  # fmt: skip


def _alert(file: ManifestFile) -> Alert | None:
    assert file.blob_id is not None
    try:
        content = json.loads(blobs.read(file.blob_id))
    except ValueError:
        return None
    except DomainError as error:  # the rest of the page has nothing to do with this file
        logger.error("An alert of run files %s cannot be read: %s", file.manifest_id, error)
        return None
    if not isinstance(content, dict):
        return None
    title, level, step = content.get("title"), content.get("level"), content.get("step")
    at = _time(content.get("time"))
    if not isinstance(title, str) or level not in LEVELS or at is None:
        return None
    whole = isinstance(step, int) and not isinstance(step, bool)
    return Alert(title, str(content.get("text") or ""), level, step if whole else None, at)


def _time(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
