"""Where a spool is begun: in its own folder, or in one that stands in where that cannot be written.

That one lies in memory where the machine has a file system for it, else among the temporary files.
It is bounded by what a spool whose disk fills later holds in memory, and delivered like any other:
by its own process, by the next start, by `metascope sync`; a restart of the machine empties it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metascope._records import event_payload
from metascope._settings import Settings
from metascope._spool import HELD_BYTES, Spool

SEGMENT_BYTES = HELD_BYTES // 4
_NO_ROOM = "The disk of the spool is full"


def begin(
    settings: Settings, client: str, first: Mapping[str, Any]
) -> tuple[Spool, OSError | None]:
    """A spool that holds its first event, and why it is not where it belongs. Raises OSError where
    it can be nowhere."""
    payload = event_payload(first)
    try:
        return _begun(
            Spool(settings.spool / client, settings.url, owner=settings.owner()), payload
        ), None
    except OSError as error:
        for root in settings.standby:
            try:
                return _begun(_stand_in(root, client, settings), payload), error
            except OSError:
                continue
        raise


def _stand_in(root: Path, client: str, settings: Settings) -> Spool:
    root.mkdir(mode=0o700, exist_ok=True)
    if not is_ours(root):
        raise PermissionError(f"{root} is another user's")
    return Spool(
        root / client, settings.url, owner=settings.owner(), segment_bytes=SEGMENT_BYTES,
        limit_bytes=HELD_BYTES - SEGMENT_BYTES,
    )  # fmt: skip


def _begun(spool: Spool, first: bytes) -> Spool:
    spool.write(first)
    if spool.held:  # the disk is full: what is held could not be sent
        spool.close()
        shutil.rmtree(spool.folder, ignore_errors=True)
        raise OSError(_NO_ROOM)
    return spool


def is_ours(root: Path) -> bool:
    """Whether it is a folder of this user that nobody else can write."""
    try:
        found = root.lstat()
    except OSError:
        return False
    return root.is_dir() and found.st_uid == os.getuid() and not found.st_mode & 0o022


def roots(settings: Settings) -> list[Path]:
    """Every folder that spools of this user may be in."""
    return [settings.spool, *filter(is_ours, settings.standby)]
