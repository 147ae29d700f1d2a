"""How one process reaches the server: its spool, and the thread that delivers it."""

from __future__ import annotations

import contextlib
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metascope._adopt import GRACE_S, settle
from metascope._api import Api
from metascope._delivery import Delivery
from metascope._forked import deliver_forked
from metascope._segments import clear
from metascope._sender import Sender
from metascope._settings import Settings
from metascope._spool import Spool
from metascope._standby import begin


@dataclass(frozen=True)
class Channel:
    """A spool being written; `branch` opens one more to the same run, for a forked child."""

    spool: Spool
    sender: Sender | None
    branch: Callable[[], Channel]
    settings: Settings
    problem: OSError | None = None  # why the spool is not where it belongs, but stands in

    def close(self, wait_s: float) -> bool:
        """Deliver the rest for at most `wait_s` seconds, and that of forked processes that have
        ended; True when nothing is left."""
        until = time.monotonic() + wait_s
        with contextlib.suppress(OSError):
            self.spool.mend()
        drained = self.sender.stop(wait_s) if self.sender else False
        if drained:
            clear(self.spool.folder)
        self.spool.close(self.sender.delivered if self.sender else None)
        if self.sender:
            self.sender.leave()
            if drained:
                rest_s = max(0.0, until - time.monotonic())
                drained = deliver_forked(self.settings, self.sender.run_id, rest_s, say)
            settle(min(wait_s, GRACE_S))
        return drained


def open_channel(
    settings: Settings, first: Mapping[str, Any], *, beats: bool = True, announces: bool = False
) -> Channel:
    """A new spool that begins with this event. Raises OSError where it can be nowhere. `beats`:
    that this process lives means that the run does. `announces`: says where the run is."""
    client = uuid.uuid4().hex
    spool, problem = begin(settings, client, first)
    sender = None
    if settings.mode == "online":
        sender = _sender(spool, client, settings, beats, announces)
        sender.start()

    def branch() -> Channel:
        """The run's id may still be on its way: the parent's spool will know it."""
        return open_channel(settings, {"type": "attach", "content": {"parent": str(spool.folder)}})

    return Channel(spool, sender, branch, settings, problem)


def _sender(spool: Spool, client: str, settings: Settings, beats: bool, announces: bool) -> Sender:
    delivery = Delivery(spool.folder, client, Api(settings.url, settings.token))
    return Sender(delivery, spool, say=say, beats=beats, announces=announces)


def say(text: str) -> None:
    """One line for the person at the terminal."""
    if sys.stderr is None:  # closed before Python began
        return
    try:
        sys.stderr.write(f"metascope: {text}\n")
    except (OSError, ValueError):  # nobody listens any more
        return
