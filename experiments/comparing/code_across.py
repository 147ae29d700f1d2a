"""The code of many runs at once: the files in which any two differ, and who holds which content.

Files are content-addressed: the database says which paths differ, and only their rows are read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, Max, Min

from experiments.comparing.code_files import Entry, Files, left_out_of, same
from experiments.models import Run, SnapshotFile

# Of more paths than these every row is read: a statement does not hold as many names.
MOST_NAMED = 1_000


@dataclass(frozen=True)
class FileAcross:
    """A file in which runs differ. `held`: what each run with code has of it, None for no such
    file. `differing` counts the runs that do not have what the baseline has."""

    path: str
    held: tuple[Entry | None, ...]
    differing: int

    @cached_property
    def contents(self) -> int:
        """How many different ones there are, of the runs that have the file."""
        return len({entry.content for entry in self.held if entry is not None})


@dataclass(frozen=True)
class CodeAcross:
    """Files that differ among `runs`, those with code, by path; `same` counts the others.
    `baseline` is the run that counts are against; None where no run has code."""

    runs: tuple[Run, ...]
    files: tuple[FileAcross, ...]
    same: int
    baseline: Run | None

    def file(self, path: str) -> FileAcross | None:
        """The file of that path, if it differs."""
        return next((file for file in self.files if file.path == path), None)


def across(runs: Sequence[Run], *, baseline: str) -> CodeAcross:
    """The code of all the runs. Counts are against the run `baseline`, or the first with code
    where that recorded none."""
    coded = tuple(run for run in runs if run.snapshot_id is not None)
    if not coded:
        return CodeAcross((), (), 0, None)
    left_out = left_out_of(coded)
    snapshots = {run.snapshot_id for run in coded if run.snapshot_id is not None}
    differing, known = _paths(snapshots)
    loose = {path for files in left_out.values() for path in files}
    table = _table(snapshots, differing | loose)
    place = next((i for i, run in enumerate(coded) if run.pk == baseline), 0)
    files = [_file(path, coded, table, left_out, place) for path in sorted(differing | loose)]
    found = tuple(file for file in files if file.contents > 1 or None in file.held)
    return CodeAcross(coded, found, len(known | loose) - len(found), coded[place])


def count(runs: Sequence[Run]) -> int:
    """In how many files any two of the runs differ."""
    coded = [run for run in runs if run.snapshot_id is not None]
    if coded and left_out_of(coded):
        return len(across(coded, baseline=coded[0].pk).files)
    return len(_paths({run.snapshot_id for run in coded if run.snapshot_id is not None})[0])


def _paths(snapshots: set[int]) -> tuple[set[str], set[str]]:
    """Those that differ among the snapshots, and all."""
    rows = SnapshotFile.objects.filter(snapshot__in=snapshots).values("path")
    found = rows.annotate(first=Min("blob"), last=Max("blob"), count=Count("pk"))
    differing, known = set(), set()
    for path, first, last, count in found.values_list("path", "first", "last", "count"):
        known.add(path)
        if first != last or count < len(snapshots):
            differing.add(path)
    return differing, known


def _table(snapshots: set[int], paths: set[str]) -> dict[str, dict[int, Entry]]:
    """What each snapshot holds at each of the paths."""
    rows = SnapshotFile.objects.filter(snapshot__in=snapshots)
    if len(paths) <= MOST_NAMED:
        rows = rows.filter(path__in=paths)
    found: dict[str, dict[int, Entry]] = {path: {} for path in paths}
    entries: dict[str, Entry] = {}
    for snapshot, path, sha in rows.values_list("snapshot", "path", "blob"):
        if path in found:
            found[path][snapshot] = entries.setdefault(sha, Entry(sha, None))
    return found


def _file(
    path: str,
    runs: Sequence[Run],
    table: Mapping[str, Mapping[int, Entry]],
    left_out: Mapping[str, Files],
    place: int,
) -> FileAcross:
    at_path = table[path]
    held = []
    for run in runs:
        recorded = at_path.get(run.snapshot_id) if run.snapshot_id is not None else None
        held.append(recorded or left_out.get(run.pk, {}).get(path))
    counts = Counter(held)
    own = held[place]
    differing = sum(count for entry, count in counts.items() if not same(entry, own))
    return FileAcross(path, tuple(held), differing)
