"""Where a spool is begun: in its own folder, or in one that stands in where that cannot be written.

That one lies in memory where the machine has a file system for it, else among the temporary files.
It is bounded like the overflow of a spool whose disk fills later, and delivered like any other:
by its own process, by the next start, by `metascope sync`; a restart of the machine empties it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metascope._records import event_payload
from metascope._segments import OVERFLOW
from metascope._settings import Settings
from metascope._spool import EXTRA_BYTES, SegmentFull, Spool, is_ours, make_ours
from metascope._state import FILES, State, save_state

SEGMENT_BYTES = EXTRA_BYTES // 4


def begin(
    settings: Settings, client: str, first: Mapping[str, Any]
) -> tuple[Spool, OSError | None]:
    """A spool that holds its first event, and why it is not where it belongs. Raises OSError where
    it can be nowhere."""
    payload = event_payload(first)
    overflow = next((root / OVERFLOW / client for root in settings.standby), None)
    try:
        spool = Spool(
            settings.spool / client, settings.url, owner=settings.owner(), overflow=overflow
        )
        return _begun(spool, payload, client), None
    except OSError as error:
        for root in settings.standby:
            try:
                return _begun(_stand_in(root, client, settings), payload, client), error
            except OSError:
                continue
        raise


def _stand_in(root: Path, client: str, settings: Settings) -> Spool:
    make_ours(root)
    return Spool(
        root / client, settings.url, owner=settings.owner(), segment_bytes=SEGMENT_BYTES,
        limit_bytes=EXTRA_BYTES - SEGMENT_BYTES,
    )  # fmt: skip


def _begun(spool: Spool, first: bytes, client: str) -> Spool:
    """With room for its state, whatever becomes of the disk. Raises OSError where there is none."""
    try:
        spool.write(first)
        for _ in FILES:
            save_state(spool.folder, State(client), durable=False)
    except (SegmentFull, OSError) as error:
        spool.close()
        shutil.rmtree(spool.folder, ignore_errors=True)
        raise OSError("The disk of the spool is full") from error
    return spool


def roots(settings: Settings) -> list[Path]:
    """Every folder that spools of this user may be in."""
    return [settings.spool, *filter(is_ours, settings.standby)]
