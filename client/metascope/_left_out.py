"""Files that belong to a script's code and are not recorded: their names, and why."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from metascope._paths import LONGEST_PATH, sent_path

MOST_NAMED = 200  # further ones are counted; the server takes no more
MOST_READ = 64 * 1024 * 1024  # bytes, together: larger ones are told apart by their size alone
PIECE = 1024 * 1024


class LeftOut:
    """Gathers them. Sources come first: what is no source was not meant to be recorded."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sources: list[tuple[str, str]] = []
        self._others: list[tuple[str, str]] = []

    def add(self, name: str, why: str, *, is_source: bool = True) -> None:
        """`name`: below the root, with "/"."""
        (self._sources if is_source else self._others).append((name, why))

    def fields(self) -> dict[str, Any]:
        """What the snapshot says of them: nothing where there are none."""
        found = [*self._sources, *self._others]
        if not found:
            return {}
        nameable = [(name, why) for name, why in found if _can_be_sent(sent_path(name))]
        left = MOST_READ
        named = []
        for name, why in nameable[:MOST_NAMED]:
            size = self._size(name)
            sha256 = self._sha256(name) if size is not None and size <= left else ""
            left -= size or 0 if sha256 else 0
            named.append({"path": sent_path(name), "why": why, "size": size, "sha256": sha256})
        return {"left_out": named, "left_out_more": len(found) - len(named)}

    def _size(self, name: str) -> int | None:
        path = self._root / name
        try:
            return path.stat().st_size if path.is_file() and not path.is_symlink() else None
        except OSError:
            return None

    def _sha256(self, name: str) -> str:
        content = hashlib.sha256()
        try:
            with (self._root / name).open("rb") as file:
                while piece := file.read(PIECE):
                    content.update(piece)
        except OSError:
            return ""
        return content.hexdigest()


def _can_be_sent(name: str) -> bool:
    return name.isprintable() and len(name) <= LONGEST_PATH
