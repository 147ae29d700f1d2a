"""The workers as pages show them: what each can do, what it does, when it was last heard of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from experiments import announcements
from experiments.models import Job, Worker
from experiments.models.jobs import JobStatus


@dataclass(frozen=True)
class WorkerView:
    """`state` is running, idle, stale (silent though it never said goodbye) or stopped."""

    name: str
    state: str
    busy: int
    slots: int
    queues: str
    devices: str
    memory_bytes: int | None
    trainers: tuple[str, ...]
    heartbeat_at: datetime | None
    started_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.state in ("running", "idle")

    @property
    def use_percent(self) -> float:
        return 100 * min(self.busy, self.slots) / max(1, self.slots)


def worker_views() -> list[WorkerView]:
    """Every worker, live ones first; those that said goodbye are left out."""
    rows = (
        Worker.objects.filter(stopped_at=None)
        .defer("distributions")
        .annotate(busy=Count("job", filter=Q(job__status=JobStatus.RUNNING)))
        .order_by("name")
    )
    views = [_view(row, row.busy) for row in rows]
    return sorted(views, key=lambda view: (not view.is_live, view.name))


def unserved_queues(live: list[WorkerView], waiting: QuerySet[Job]) -> list[str]:
    """Queues with waiting jobs that no live worker listens to."""
    served = {name for view in live if view.is_live for name in view.queues.split(", ")}
    return sorted(set(waiting.order_by().values_list("queue", flat=True).distinct()) - served)


def _view(worker: Worker, busy: int) -> WorkerView:
    live = announcements.is_live(worker)
    state = ("running" if busy else "idle") if live else "stale"
    return WorkerView(
        name=worker.name,
        state=state,
        busy=busy,
        slots=worker.slots,
        queues=", ".join(worker.queues),
        devices=", ".join(_device(device) for device in worker.devices) or "no devices announced",
        memory_bytes=worker.memory_bytes,
        trainers=tuple(sorted(worker.trainers)),
        heartbeat_at=worker.heartbeat_at,
        started_at=worker.started_at,
    )


def _device(device: Any) -> str:
    if not isinstance(device, dict):
        return str(device)
    return str(device.get("name") or device.get("kind") or "unknown")
