"""How far a spool was delivered: written down beside its segments, in state.json."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from metascope._segments import Position
from metascope._spool import SpoolDamaged

NAME = "state.json"
FILES = (NAME, "state.tmp")
LEAST_BYTES = 4096  # of each of these files: room that they keep


@dataclass
class State:
    """How far, and what its run must be told yet."""

    client: str
    run: str | None = None
    segment: int = 1
    offset: int = Position().offset
    number: int = 0  # of the next batch or event
    cut_segment: int | None = None  # where the batch on its way ends
    cut_offset: int | None = None
    refused: int = 0  # points, events and damaged places the server does not have
    done: bool = False  # the run's end was delivered
    project: str | None = None  # "workspace/slug"
    bundles: list[str] = field(default_factory=list)  # artifacts on their way, the oldest first
    untold: list[str] = field(default_factory=list)  # what was refused and its run does not show
    alerts: int = 0  # of those that its run shows
    left_out: dict[str, str] = field(default_factory=dict)  # of the start, as refused; and why
    told: list[str] = field(default_factory=list)  # reasons shown before it was sent again

    @property
    def position(self) -> Position:
        return Position(self.segment, self.offset)

    @property
    def cut(self) -> Position | None:
        if self.cut_segment is None or self.cut_offset is None:
            return None
        return Position(self.cut_segment, self.cut_offset)


def save_state(folder: Path, state: State, *, durable: bool) -> None:
    """Write it down, whole or not at all.

    Two files take turns, each as large as it ever was: on a full disk, too, there is room."""
    path, spare = (folder / name for name in FILES)
    before = folder / "state.old"
    data = json.dumps(asdict(state)).encode()
    fd = os.open(spare, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        data = data.ljust(max(LEAST_BYTES, os.fstat(fd).st_size))
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, "The disk of the spool is full")
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    try:
        before.unlink(missing_ok=True)  # of a process that died in here
        os.link(path, before)
    except OSError:  # the first of all; or a disk without links
        os.replace(spare, path)
    else:
        os.replace(spare, path)
        os.replace(before, spare)


def load_state(folder: Path) -> State | None:
    """How far a spool was delivered; None for one whose delivery has not begun. Raises
    SpoolDamaged."""
    path = folder / NAME
    try:
        return State(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise SpoolDamaged(f"{path} is damaged, which says how far it was sent") from error
