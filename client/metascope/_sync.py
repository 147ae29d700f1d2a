"""Delivering the spools of processes that have ended: `metascope sync`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metascope._api import Api
from metascope._delivery import Delivery
from metascope._errors import MetascopeError
from metascope._settings import Settings
from metascope._spool import ABOUT, Lock, SpoolInUse, clear, segments


@dataclass(frozen=True)
class Synced:
    """What became of one spool."""

    client: str
    run: str | None
    is_drained: bool
    refused: int
    problem: str


def sync(settings: Settings, say: Callable[[str], None]) -> list[Synced]:
    """Deliver every spool of this user whose process has ended; what was delivered is removed.

    One that cannot be delivered does not keep the others.
    """
    found = []
    for folder in sorted(settings.spool.glob("*/")):
        if not segments(folder):
            continue
        try:
            lock = Lock(folder)
        except SpoolInUse:
            say(f"{folder.name}: its process is running and sends by itself")
            continue
        try:
            found.append(_deliver(folder, settings))
        finally:
            lock.release()
    return found


def _deliver(folder: Path, settings: Settings) -> Synced:
    url = json.loads((folder / ABOUT).read_text("utf-8"))["url"]
    # A run that no server has told an id goes where this user now sends runs.
    delivery = Delivery(folder, folder.name, Api(settings.url, settings.token))
    run = delivery.state.run
    if run is not None and url.rstrip("/") != settings.url.rstrip("/"):  # the token is not its own
        problem = f"the run is on {url}: `metascope login {url}`, then sync again"
        return Synced(folder.name, run, False, delivery.state.refused, problem)
    problem = ""
    try:
        while delivery.step(None):
            pass
    except (MetascopeError, OSError) as error:
        problem = str(error)
    state = delivery.state
    if not problem:
        clear(folder)
    return Synced(folder.name, state.run, not problem, state.refused, problem)
