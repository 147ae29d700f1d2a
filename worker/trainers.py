"""What this worker can do: the engine's algorithms, its data, its devices. No torch in here."""

import platform
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from experiments.queue import Announcement
from worker.metalearning import catalog, specs

ENGINE_VERSION = "1"


def announcement(*, name: str, pid: int, queues: Sequence[str], slots: int) -> Announcement:
    """What a starting worker says. Its task distributions follow, since reading them takes time."""
    memory = psutil.virtual_memory().total
    return Announcement(
        name=name,
        host=socket.gethostname(),
        pid=pid,
        queues=sorted(queues),
        slots=slots,
        devices=[{"kind": "cpu", "name": cpu_name(), "memory_bytes": memory}],
        memory_bytes=memory,
        trainers=trainers(),
        distributions=[],
    )


def trainers() -> dict[str, Any]:
    """Every algorithm of the engine by name, with its schema and presets.

    `order` is the place where lists show it, the one to try first at 0.
    """
    return {
        info.name: {
            "version": ENGINE_VERSION,
            "title": info.title,
            "summary": info.summary,
            "family": info.family,
            "order": order,
            "year": info.year,
            "paper": info.paper,
            "schema": specs.schema(info.name),
            "presets": specs.presets(info.name),
        }
        for order, info in enumerate(specs.ALGORITHMS.values())
    }


def distributions() -> list[dict[str, Any]]:
    """What the episode sources hold here; reads archives when the cache does not have them."""
    return catalog.describe(settings.OMNIGLOT_DIR, settings.CACHE_DIR, settings.DATASETS_DIR)


def data_on_disk() -> list[tuple[str, int, int]]:
    """A cheap mark of the data folders: it changes when files come, go or change."""
    archives: Path = settings.OMNIGLOT_DIR
    datasets: Path = settings.DATASETS_DIR
    found = [path for path in archives.iterdir() if path.is_file()] if archives.is_dir() else []
    if datasets.is_dir():
        found += [
            path for one in datasets.iterdir() if one.is_dir() for path in (one, *_parts(one))
        ]
    marks = ((str(path), path.stat()) for path in found)
    return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in marks)


def _parts(dataset: Path) -> list[Path]:
    """What says that a folder is a dataset of pictures, as far as it is there."""
    return [path for name in ("train", "images", "train.csv") if (path := dataset / name).exists()]


def cpu_name() -> str:
    """The processor as its maker calls it, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
