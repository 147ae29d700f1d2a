"""Two trees of files: what the second has, lacks or holds otherwise."""

from dataclasses import dataclass, field

from experiments import files
from experiments.models import Manifest

MOST_LISTED = 500  # of each kind; all are counted


@dataclass(frozen=True)
class ChangedFile:
    """A path with its size before and after, in bytes; None where it is not, or nobody told."""

    path: str
    before: int | None
    after: int | None


@dataclass
class Changes:
    """How many files, and the first of them by path."""

    count: int = 0
    files: list[ChangedFile] = field(default_factory=list)

    def add(self, file: ChangedFile) -> None:
        """Counts a file, and keeps it while there is room."""
        self.count += 1
        if self.count <= MOST_LISTED:
            self.files.append(file)


@dataclass
class TreeDiff:
    added: Changes = field(default_factory=Changes)
    removed: Changes = field(default_factory=Changes)
    changed: Changes = field(default_factory=Changes)
    same: int = 0


Content = tuple[str | None, str, str, int | None]  # SHA-256, address, digest, size


def compare(
    old: Manifest, new: Manifest, *, old_folder: str = "", new_folder: str = ""
) -> TreeDiff:
    """From `old` to `new`, or from a folder of one to one of the other. Files elsewhere are the
    same if address and digest are."""
    before = dict(_contents(old, old_folder))
    diff = TreeDiff()
    for path, content in _contents(new, new_folder):
        known = before.pop(path, None)
        if known is None:
            diff.added.add(ChangedFile(path, None, content[3]))
        elif known[:3] == content[:3]:
            diff.same += 1
        else:
            diff.changed.add(ChangedFile(path, known[3], content[3]))
    for path, content in before.items():
        diff.removed.add(ChangedFile(path, content[3], None))
    return diff


def _contents(manifest: Manifest, folder: str) -> list[tuple[str, Content]]:
    rows = files.below(manifest, folder).order_by("path")
    start = len(folder) + 1 if folder else 0
    return [
        (path[start:], (sha256, url, digest, size))
        for path, sha256, url, digest, size in rows.values_list(
            "path", "blob_id", "url", "digest", "size"
        )
    ]
