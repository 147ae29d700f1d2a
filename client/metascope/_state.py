"""How far a spool was delivered: written down beside its segments, in state.json."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from metascope._spool import Position, SpoolDamaged

NAME = "state.json"


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
    """Write it down, whole or not at all."""
    path = folder / NAME
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    os.replace(temporary, path)


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
