"""Adoption: a process that starts a run delivers what dead processes left, beside its own.

Only spools that `metascope sync` would send to the same place under the same name: written on this
machine, for this server, with this token, and meant to be sent at once (METASCOPE_MODE=offline
waits for `metascope sync`). The spool's lock keeps it from one whose process lives, and from two
processes that adopt at the same time; delivery itself sends nothing twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from metascope._settings import Settings
from metascope._spool import SpoolDamaged, SpoolInUse, about_of
from metascope._sweep import sweep
from metascope._sync import deliver, waiting

GRACE_S = 5.0  # so long the end of a run waits for what it adopted


class Adoption:
    """A thread that goes once through the spools that wait."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="metascope-adoption", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it still goes through them."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, wait_s: float) -> None:
        """Wait for the rest, `wait_s` seconds at most; what is left then waits for the next start.

        It stops between two requests, so nothing is half done.
        """
        self._deadline = time.monotonic() + wait_s
        self._thread.join(wait_s)

    def _run(self) -> None:
        self._go_through()
        sweep(self._settings)

    def _go_through(self) -> None:
        for folder in waiting(self._settings):
            if self._is_stopped():
                return
            try:
                if not self._is_ours(folder):
                    continue
                done = deliver(folder, self._settings, self._is_stopped)
            except (SpoolInUse, FileNotFoundError):
                continue  # its process lives, or another has just delivered it
            if done.is_drained:
                self._say(f"sent what an earlier process had left of run {done.run}")
            elif done.problem and not self._is_stopped():
                self._say(f"{folder.name} of an earlier process is not sent yet: {done.problem}")
            if done.is_unreachable:
                return

    def _is_stopped(self) -> bool:
        return time.monotonic() >= self._deadline

    def _is_ours(self, folder: Path) -> bool:
        try:
            about = about_of(folder)
        except SpoolDamaged:  # `metascope sync` says so
            return False
        return all(about.get(name) == value for name, value in self._settings.owner().items())


_current: Adoption | None = None
_lock = threading.Lock()


def adopt(settings: Settings, say: Callable[[str], None]) -> None:
    """Begin to deliver what is waiting, unless this process does already."""
    global _current
    with _lock:
        if _current is None or not _current.is_alive:
            _current = Adoption(settings, say)
            _current.start()


def settle(wait_s: float) -> None:
    """Give what is being adopted that long to arrive."""
    if _current is not None:
        _current.finish(wait_s)
