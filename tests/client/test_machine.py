"""What a machine does: rows of metrics, its GPUs among them where NVIDIA's driver is there."""

import os
import threading

from metascope._machine import Machine

NVIDIA_SMI = """#!/bin/sh
[ -e "$0.broken" ] && exit 9
cat <<END
37, 1024, 81559, 41, 123.50
0, 0, 81559, 35, [N/A]
END
"""


def rows_of(machine_does, count: int) -> list[dict[str, float]]:
    """The first rows that a machine reports, and the one of its end."""
    rows, seen = [], threading.Semaphore(0)

    def log(row, step):
        rows.append(row)
        seen.release()

    machine = Machine(log, every_s=0.01)
    for _ in range(count):
        assert seen.acquire(timeout=30)
        machine_does()
    machine.stop()
    return rows


def test_gpus_are_measured_by_what_the_driver_says(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    first, *_, last = rows_of(lambda: (tmp_path / "nvidia-smi.broken").touch(), 3)

    gpus = {key: value for key, value in first.items() if key.startswith("system/gpu")}
    assert gpus == {
        "system/gpu0_percent": 37, "system/gpu0_memory_used_gib": 1,
        "system/gpu0_memory_gib": 81559 / 1024, "system/gpu0_temperature_c": 41,
        "system/gpu0_power_w": 123.5, "system/gpu1_percent": 0, "system/gpu1_memory_used_gib": 0,
        "system/gpu1_memory_gib": 81559 / 1024, "system/gpu1_temperature_c": 35,
    }  # fmt: skip
    assert not [key for key in last if "gpu" in key]  # a driver that fails is not asked again
    assert last["system/memory_percent"] > 0


def test_processor_memory_disk_and_network_are_measured():
    *_, row = rows_of(lambda: None, 2)

    names = {key.removeprefix("system/") for key in row}
    assert {
        "cpu_percent", "process_cpu_percent", "memory_used_gib", "memory_percent", "disk_percent",
        "process_memory_gib", "process_read_mb_s", "process_written_mb_s",
    } <= names  # fmt: skip
    assert 0 < row["system/process_memory_gib"] < row["system/memory_used_gib"] + 64
