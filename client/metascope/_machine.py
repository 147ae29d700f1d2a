"""What the machine does while a run goes on: metrics below "system/", a row every few seconds."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

EVERY_S = 10.0
GPU_S = 5.0
_PROC = Path("/proc")
_GIB = 1024**3
_GPU_QUERY = ("utilization.gpu", "memory.used", "memory.total", "temperature.gpu", "power.draw")
_GPU_NAMES = ("percent", "memory_used_gib", "memory_gib", "temperature_c", "power_w")

Rows = Callable[[dict[str, float], int], None]


class Machine:
    """A thread that measures until it is stopped. Steps are seconds since it began, and `since_s`
    before that. `rank` above 0: named below "system/rankN/", and only what is of this process
    where another one of the same machine measures the machine."""

    def __init__(
        self, log: Rows, every_s: float = EVERY_S, since_s: float = 0.0, *, rank: int = 0
    ) -> None:
        self._log = log
        self._prefix = f"system/rank{rank}/" if rank else "system/"
        self._only = "process_" if rank and not _is_first_of_machine() else ""
        self._every_s = every_s
        self._stops = threading.Event()
        self._began = time.monotonic() - since_s
        self._gpu = None if self._only else shutil.which("nvidia-smi")
        self._before: dict[str, float] = dict(_counters())
        self._before_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="metascope-machine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Measure once more, and end."""
        self._stops.set()
        self._thread.join(GPU_S + 1.0)

    def _run(self) -> None:
        wait = min(2.0, self._every_s)  # short scripts get a row too
        while not self._stops.wait(wait):
            self._once()
            wait = self._every_s
        self._once()

    def _once(self) -> None:
        row = {**self._rates(), **dict(_levels()), **dict(self._gpus())}
        named = {f"{self._prefix}{k}": row[k] for k in row if k.startswith(self._only)}
        if named:
            self._log(named, round(time.monotonic() - self._began))

    def _rates(self) -> dict[str, float]:
        """Of counters: how much they grew, a second."""
        now, counters = time.monotonic(), dict(_counters())
        seconds = max(now - self._before_at, 1e-3)
        grown = {
            name: (value - self._before[name]) / seconds
            for name, value in counters.items()
            if name in self._before
        }
        self._before, self._before_at = counters, now
        return grown

    def _gpus(self) -> Iterator[tuple[str, float]]:
        if not self._gpu:
            return
        command = [
            self._gpu,
            f"--query-gpu={','.join(_GPU_QUERY)}",
            "--format=csv,noheader,nounits",
        ]
        try:
            found = subprocess.run(
                command, capture_output=True, text=True, timeout=GPU_S, check=True
            ).stdout
        except (OSError, subprocess.SubprocessError):
            self._gpu = None  # none, or a driver that does not answer: not asked again
            return
        for number, line in enumerate(found.splitlines()):
            for name, cell in zip(_GPU_NAMES, line.split(","), strict=False):
                value = _number(cell)
                if value is not None:
                    scaled = value / 1024 if name.endswith("_gib") else value  # from MiB
                    yield f"gpu{number}_{name}", scaled


def _is_first_of_machine() -> bool:
    """As torchrun and Slurm number the processes of one machine; alone where nobody does."""
    return (os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or "0") == "0"


def hardware() -> dict[str, Any]:
    """Processor, memory and GPUs of this machine, as far as its files tell."""
    models = [line for line in _lines(_PROC / "cpuinfo") if line.startswith("model name")]
    memory = [line.split() for line in _lines(_PROC / "meminfo") if line.startswith("MemTotal")]
    cards = sorted((_PROC / "driver" / "nvidia" / "gpus").glob("*/information"))
    names = [line for card in cards for line in _lines(card) if line.startswith("Model:")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cpu_count": os.cpu_count(),
        "memory_gib": round(int(memory[0][1]) * 1024 / _GIB, 1) if memory else None,
        "gpus": [name.partition(":")[2].strip() for name in names],
    }


def _counters() -> Iterator[tuple[str, float]]:
    """What only grows: processor seconds, bytes through network and disk."""
    clock = os.sysconf("SC_CLK_TCK")
    if fields := _words(_PROC / "stat"):
        ticks = [int(word) for word in fields[1:9]]  # of the line "cpu": user ... steal
        busy = sum(ticks) - ticks[3] - ticks[4]  # without idle and waiting for disks
        yield "cpu_percent", 100 * busy / clock / (os.cpu_count() or 1)
    used = os.times()
    yield "process_cpu_percent", 100 * (used.user + used.system)
    interfaces = [line.split() for line in _lines(_PROC / "net" / "dev")[2:]]
    lines = [words for words in interfaces if len(words) > 9 and words[0] != "lo:"]
    if lines:
        yield "network_received_mb_s", sum(int(words[1]) for words in lines) / 1e6
        yield "network_sent_mb_s", sum(int(words[9]) for words in lines) / 1e6
    disk = dict(line.split(": ") for line in _lines(_PROC / "self" / "io") if ": " in line)
    if "read_bytes" in disk:
        yield "process_read_mb_s", int(disk["read_bytes"]) / 1e6
        yield "process_written_mb_s", int(disk["write_bytes"]) / 1e6


def _levels() -> Iterator[tuple[str, float]]:
    """What is so and so much now: memory, disk."""
    memory = {line.split(":")[0]: line.split()[1] for line in _lines(_PROC / "meminfo")}
    if "MemAvailable" in memory:
        total, free = int(memory["MemTotal"]) * 1024, int(memory["MemAvailable"]) * 1024
        yield "memory_used_gib", (total - free) / _GIB
        yield "memory_percent", 100 * (total - free) / total
    if words := _words(_PROC / "self" / "statm"):
        yield "process_memory_gib", int(words[1]) * os.sysconf("SC_PAGE_SIZE") / _GIB
    try:
        disk = shutil.disk_usage(Path.cwd())
    except OSError:  # the folder is gone
        return
    yield "disk_percent", 100 * (disk.total - disk.free) / disk.total


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:  # not Linux, or hidden from us
        return []


def _words(path: Path) -> list[str]:
    lines = _lines(path)
    return lines[0].split() if lines else []


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:  # "[N/A]"
        return None
