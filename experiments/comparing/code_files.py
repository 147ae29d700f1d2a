"""What a run's code consists of, file by file: what was recorded, and what is known of the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from experiments.models import LeftOut, Run, Snapshot

Files = Mapping[str, "Entry"]  # by path


@dataclass(frozen=True)
class Entry:
    """A file's content by its SHA-256, "" where nobody read it, and its size in bytes. `why` it
    was not recorded; "" for one that was."""

    sha256: str
    size: int | None
    why: str = ""

    @property
    def content(self) -> str:
        """What tells contents apart: the hash, or the size where that is all that is known."""
        return self.sha256 or f"{self.size} bytes"


def same(first: Entry | None, second: Entry | None) -> bool | None:
    """Whether both are the same file; None where sizes agree and nobody read one of them."""
    if first is None or second is None:
        return first is second
    if first.sha256 and second.sha256:
        return first.sha256 == second.sha256
    return None if first.size == second.size else False


def files_of(snapshot: Snapshot | None, left_out: Files | None = None) -> dict[str, Entry]:
    """Every file of the code by path."""
    found = dict(left_out or {})
    if snapshot is not None:
        rows = snapshot.files.values_list("path", "blob_id", "blob__size")
        found |= {path: Entry(sha, size) for path, sha, size in rows}
    return found


def left_out_of(runs: Iterable[Run]) -> dict[str, dict[str, Entry]]:
    """What clients left out, by run and path; of the runs where anything was."""
    rows = LeftOut.objects.filter(run__in=[run.pk for run in runs])
    return {
        run_id: {one["path"]: Entry(one["sha256"], one["size"], one["why"]) for one in files}
        for run_id, files in rows.values_list("run_id", "files")
    }


def not_named(runs: Iterable[Run]) -> dict[str, int]:
    """How many files beyond those named were left out, by run; of the runs where any were."""
    rows = LeftOut.objects.filter(run__in=[run.pk for run in runs], more__gt=0)
    return dict(rows.values_list("run_id", "more"))
