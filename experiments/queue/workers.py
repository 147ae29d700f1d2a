"""What workers say about themselves: what they can run, and that they live."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models.functions import Now

from experiments.models import Worker

# A worker that has not beaten for so long is silent: no longer counted on, shown as such.
SILENT_AFTER_S = 15


@dataclass(frozen=True)
class Announcement:
    """What a worker can do. `experiments.models.Worker` explains the fields."""

    name: str
    host: str
    pid: int
    queues: Sequence[str]
    slots: int
    devices: Sequence[Mapping[str, Any]]
    memory_bytes: int | None
    trainers: Mapping[str, Any]
    distributions: Sequence[Mapping[str, Any]]


def announce(announcement: Announcement) -> Worker:
    """Write what a starting worker can do; a worker of the same name is replaced."""
    fields = asdict(announcement)
    name = fields.pop("name")
    worker, _ = Worker.objects.update_or_create(
        name=name,
        defaults={**fields, "started_at": Now(), "heartbeat_at": Now(), "stopped_at": None},
    )
    worker.refresh_from_db()
    return worker


def describe_distributions(worker: Worker, distributions: Sequence[Mapping[str, Any]]) -> None:
    """Replace what the worker says about its task distributions (they take a while to find out)."""
    Worker.objects.filter(pk=worker.pk, pid=worker.pid).update(distributions=list(distributions))


def beat(worker: Worker) -> None:
    """The worker lives."""
    Worker.objects.filter(pk=worker.pk, pid=worker.pid).update(heartbeat_at=Now(), stopped_at=None)


def stopped(worker: Worker) -> None:
    """The worker stopped, on purpose."""
    Worker.objects.filter(pk=worker.pk, pid=worker.pid).update(stopped_at=Now())
