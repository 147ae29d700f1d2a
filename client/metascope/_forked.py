"""What forked processes have left in spools of their own is sent at the end of their run."""

from __future__ import annotations

import time
from collections.abc import Callable

from metascope._settings import Settings
from metascope._spool import SpoolInUse
from metascope._sync import deliver, run_of_parent, waiting


def deliver_forked(
    settings: Settings, run: str | None, wait_s: float, say: Callable[[str], None]
) -> bool:
    """Send what processes of this run that have ended left, for at most `wait_s` seconds, and say
    what stays. True when nothing does. Those that live send by themselves."""
    until = time.monotonic() + wait_s
    left = []
    for folder in waiting(settings):
        try:
            if run is None or run_of_parent(folder) != run:
                continue
            done = deliver(folder, settings, lambda: time.monotonic() >= until)
        except (SpoolInUse, FileNotFoundError):  # it lives, or another delivers it
            continue
        if done.refused:
            say(f"the server refused {done.refused} records of a forked process: {folder}")
        if not done.is_drained:
            left.append(f"{folder} ({done.problem})")
    if left:
        say(
            f"not everything of {len(left)} forked processes was sent; it is kept in "
            f"{', '.join(left)}: run `metascope sync`"
        )
    return not left
