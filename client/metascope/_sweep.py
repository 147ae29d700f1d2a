"""Folders of spools that were delivered whole are removed, once nobody needs them any more.

A process that was forked, or that keeps what a run's child processes print, finds in such a folder
which run it belongs to. It holds the folder as long as it lives (`hold`), and what it left unsent
names the folder; neither is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

from metascope._refused import has_some
from metascope._segments import segments
from metascope._settings import Settings
from metascope._spool import Lock, SpoolDamaged, SpoolInUse
from metascope._standby import roots
from metascope._state import load_state
from metascope._sync import parent_of, waiting

HOLDERS = "holders"
MOST_AT_ONCE = 1_000


def hold(folder: Path) -> int | None:
    """Keep this folder until the process ends, or closes the descriptor; None where it is gone."""
    try:
        found = os.open(folder / HOLDERS, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(found, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return found


def sweep(settings: Settings) -> None:
    """Remove what is needed no more."""
    needed = {Path(parent).resolve() for one in waiting(settings) if (parent := parent_of(one))}
    folders = [folder for root in roots(settings) for folder in root.glob("*/")]
    for folder in folders[:MOST_AT_ONCE]:
        if folder.resolve() not in needed and _is_delivered(folder):
            _remove(folder)
    for root in settings.standby:
        with contextlib.suppress(OSError):  # none, another user's, or not empty
            root.rmdir()


def _is_delivered(folder: Path) -> bool:
    try:
        return not (segments(folder) or has_some(folder) or load_state(folder) is None)
    except (SpoolDamaged, OSError):
        return False


def _remove(folder: Path) -> None:
    """Unless somebody writes, delivers or holds it."""
    try:
        lock = Lock(folder)
    except (SpoolInUse, OSError):
        return
    try:
        if (held := hold(folder)) is None:
            return
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_delivered(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            return
        finally:
            os.close(held)
    finally:
        lock.release()
