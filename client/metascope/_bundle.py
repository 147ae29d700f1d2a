"""Artifacts on their way: what `log_artifact` was given, written down beside the spool.

Small files are copied, so that the script may change them at once. Large ones stay where they are
and are sent from there; one that changed before it was sent is refused, by its size and time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from metascope._paths import sent_path

COPIED_BYTES = 16 * 1024 * 1024  # a file
COPIED_TOTAL = 256 * 1024 * 1024  # of one artifact
KINDS = ("dataset", "model", "file")


@dataclass(frozen=True)
class Item:
    """A file of an artifact: its path in there, and where its bytes are."""

    path: str
    source: str
    size: int
    mtime_ns: int  # 0: a copy of ours, which nobody changes


@dataclass
class Bundle:
    """One call of `log_artifact` or `register_model`."""

    name: str
    kind: str
    aliases: list[str]
    metadata: dict[str, Any]
    items: list[Item] = field(default_factory=list)
    references: list[dict[str, Any]] = field(default_factory=list)
    model: str = ""  # the registered model that it becomes a version of
    model_aliases: list[str] = field(default_factory=list)


def gather(
    source: str | os.PathLike[str], copies: Path, *, name: str, kind: str,
    aliases: Sequence[str], metadata: Mapping[str, Any], copy: bool = True,
) -> Bundle:  # fmt: skip
    """The bundle of a file, a folder, or an address elsewhere. Raises ValueError and OSError.

    `copy`: small files are copied into the folder `copies`.
    """
    text = os.fspath(source)
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}: use {', '.join(KINDS)}")
    last = text.rstrip("/").rpartition("/")[2]
    bundle = Bundle(name or last, kind, list(aliases), dict(metadata))
    if "://" in text:
        bundle.references.append({"path": last or "data", "url": text})
        return bundle
    budget = COPIED_TOTAL if copy else -1
    for path, file in _files(Path(text)):
        found = file.stat()
        item = Item(path, str(file.resolve()), found.st_size, found.st_mtime_ns)
        if found.st_size <= min(COPIED_BYTES, budget):
            budget -= found.st_size
            item = _copied(item, copies / f"{len(bundle.items):06}")
        bundle.items.append(item)
    if not bundle.items:
        raise ValueError(f"{text} holds no files")
    return bundle


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Files by their path below the root; links are followed to files and not to folders."""
    if not root.is_dir():
        yield sent_path(root.name), root
        return
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file():
                yield sent_path(file.relative_to(root).as_posix()), file


def _copied(item: Item, target: Path) -> Item:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(item.source, target)
    return Item(item.path, str(target), target.stat().st_size, 0)


def write(bundle: Bundle, path: Path) -> None:
    """Keep it, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(bundle), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read(path: Path) -> Bundle:
    """A bundle that was kept."""
    content = json.loads(path.read_text("utf-8"))
    items = [Item(**item) for item in content.pop("items")]
    return Bundle(**content, items=items)


def remove(path: Path) -> None:
    """Forget a bundle that was delivered, with its copies."""
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    path.unlink(missing_ok=True)
