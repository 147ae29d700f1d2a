"""What a server refused is kept in the spool (refused.jsonl, refused-N.bin); put back, it is sent
again behind everything else, under numbers of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

from metascope._delivery import MOST_TOLD, Delivery
from metascope._segments import MAGIC, segments

NOTES = "refused.jsonl"


def put_back(delivery: Delivery) -> int:
    """Make what was refused part of the spool again; how many notes of it there were. Where the
    server refuses it once more, it is noted anew."""
    folder, state = delivery.folder, delivery.state
    notes = _notes(folder)
    if not notes:
        return 0
    files = [folder / note["bytes"] for note in notes if "bytes" in note]
    raw = b"".join(file.read_bytes() for file in files if file.exists())
    last = max([state.segment, state.cut_segment or 0, *(one.number for one in segments(folder))])
    with (folder / f"{last + 1:08}.tmp").open("wb") as file:
        file.write(MAGIC + raw)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, folder / f"{last + 1:08}.seg")
    bundles = [note["artifact"] for note in notes if "artifact" in note]
    state.bundles += [one for one in bundles if (folder / one).exists()]
    state.refused = 0
    state.told = list(dict.fromkeys(str(note["why"]) for note in notes))[:MOST_TOLD]
    delivery.save()
    (folder / NOTES).unlink()
    for one in files:
        one.unlink(missing_ok=True)
    return len(notes)


def has_some(folder: Path) -> bool:
    """Whether anything of this spool was refused."""
    return (folder / NOTES).exists()


def reasons(folder: Path) -> list[str]:
    """Why, each once."""
    return list(dict.fromkeys(str(note["why"]) for note in _notes(folder)))


def _notes(folder: Path) -> list[dict[str, str]]:
    if not has_some(folder):
        return []
    lines = (folder / NOTES).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
