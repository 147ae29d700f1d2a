"""What differs between two code snapshots: changed files, and one file line by line.

Files are told apart by their hash, so only changed ones are read. Lines are compared by libgit2,
the engine behind `git diff`'s own algorithm, in memory and without a repository. Files that were
not recorded are named like the others, with why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import pygit2
from pygit2.enums import DiffOption

from experiments import blobs
from experiments.comparing import notebooks
from experiments.comparing.code_files import Entry, Files, files_of, same
from experiments.comparing.notebooks import Cell, CellPair
from experiments.comparing.words import Span, changed_words
from experiments.models import Snapshot

Status = Literal["added", "removed", "changed", "moved", "unknown"]

LARGEST_FILE = 1_000_000  # bytes; larger ones are named, not shown
WHOLE_FILE = 1_000_000  # lines of context
KEPT_COUNTS = 20_000  # pairs of contents whose lines are counted already


@dataclass(frozen=True)
class FileChange:
    """One file that differs, or may: of an "unknown" one only the size is known, and the same.
    `added` and `removed` count lines; None where they are not counted, and `why` says why.
    `moved_from` is the old path of an unchanged file with a new one."""

    path: str
    status: Status
    added: int | None
    removed: int | None
    moved_from: str = ""
    why: str = ""
    is_recorded: bool = True  # on both sides


@dataclass(frozen=True)
class CodeDiff:
    """Files that differ, by path. `same` counts the others."""

    files: tuple[FileChange, ...]
    same: int

    @property
    def added(self) -> int:
        return sum(file.added or 0 for file in self.files)

    @property
    def removed(self) -> int:
        return sum(file.removed or 0 for file in self.files)


@dataclass(frozen=True)
class Line:
    """One line of a hunk. A context line has both numbers, the others one. `words` are the spans
    that differ from the line it replaces. `ends_file`: without a newline at its end."""

    kind: Literal["same", "added", "removed"]
    old: int | None
    new: int | None
    text: str
    words: tuple[Span, ...] = ()
    ends_file: bool = False


@dataclass(frozen=True)
class Hunk:
    """Neighbouring lines. `skipped` unchanged lines lie between it and the one before."""

    skipped: int
    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class FileDiff:
    """One file in two versions; empty text where it is missing. `why` says why it is not shown;
    `after` counts the unchanged lines below the last hunk."""

    path: str
    old: str
    new: str
    hunks: tuple[Hunk, ...]
    after: int
    why: str = ""


@dataclass(frozen=True)
class CellDiff:
    """A cell of a notebook in two versions; `diff` is None where they are the same."""

    pair: CellPair
    diff: FileDiff | None


def compare(
    old: Snapshot | None,
    new: Snapshot | None,
    *,
    left_out: tuple[Files, Files] | None = None,
    ignore_whitespace: bool = False,
) -> CodeDiff:
    """Every file that differs; with `ignore_whitespace`, those that differ in more than that.
    `left_out`: what the clients did not record, before and after."""
    lacking = left_out or ({}, {})
    before, after = files_of(old, lacking[0]), files_of(new, lacking[1])
    every = before.keys() | after.keys()
    paths = sorted(path for path in every if not same(before.get(path), after.get(path)))
    moved = _moves({p: before[p] for p in paths if p not in after},
                   {p: after[p] for p in paths if p not in before})  # fmt: skip
    gone = set(moved.values())
    changes = [
        _change(path, before.get(path), after.get(path), moved.get(path), ignore_whitespace)
        for path in paths
        if path not in gone
    ]
    files = tuple(change for change in changes if change is not None)
    return CodeDiff(files, len(every) - len(files) - len(gone))


def file_diff(
    old: Snapshot | None,
    new: Snapshot | None,
    path: str,
    *,
    ignore_whitespace: bool = False,
    context: int = 3,
) -> FileDiff:
    """The file at `path` line by line with `context` unchanged lines around changes."""
    first, second = _read(old, path), _read(new, path)
    return texts_diff(first, second, path, ignore_whitespace=ignore_whitespace, context=context)


def notebook_diff(
    old: Snapshot | None,
    new: Snapshot | None,
    path: str,
    *,
    ignore_whitespace: bool = False,
    context: int = 3,
) -> list[CellDiff] | None:
    """A notebook cell by cell. None for a file that is none, or a malformed one."""
    if not path.lower().endswith(notebooks.SUFFIX):
        return None
    sides = [notebooks.cells_of(path, _read(snapshot, path)) for snapshot in (old, new)]
    before, after = sides
    if before is None or after is None:
        return None
    found = []
    for pair in notebooks.paired(before, after):
        diff = None
        if pair.is_same and context == WHOLE_FILE:
            diff = _unchanged(pair.shown)
        elif not pair.is_same:
            diff = texts_diff(
                _source(pair.old),
                _source(pair.new),
                f"cell{pair.shown.ending}",
                ignore_whitespace=ignore_whitespace,
                context=context,
            )
        found.append(CellDiff(pair, diff))
    return found


def _unchanged(cell: Cell) -> FileDiff:
    lines = tuple(
        Line("same", number, number, text)
        for number, text in enumerate(cell.source.splitlines(), 1)
    )
    return FileDiff(f"cell{cell.ending}", cell.source, cell.source, (Hunk(0, "", lines),), 0)


def _source(cell: Cell | None) -> bytes:
    return cell.source.encode(errors="replace") if cell else b""


def texts_diff(
    old: bytes, new: bytes, path: str, *, ignore_whitespace: bool = False, context: int = 3
) -> FileDiff:
    """As `file_diff`, for two texts."""
    if why := _unreadable(old, new):
        return FileDiff(path, "", "", (), 0, why)
    hunks = tuple(_hunks(_patch(old, new, ignore_whitespace, context)))
    told = sum(hunk.skipped + sum(bool(line.new) for line in hunk.lines) for hunk in hunks)
    old_text, new_text = (data.decode("utf-8", errors="replace") for data in (old, new))
    return FileDiff(
        path, old_text, new_text, hunks, max(0, new.count(b"\n") - told) if hunks else 0
    )


def _moves(removed: dict[str, Entry], added: dict[str, Entry]) -> dict[str, str]:
    """The old path by the new one, for files whose bytes only changed their place."""
    by_content = {
        entry.sha256: path for path, entry in removed.items() if entry.size and entry.sha256
    }
    return {
        path: by_content.pop(entry.sha256)
        for path, entry in added.items()
        if entry.sha256 in by_content
    }


def _change(
    path: str,
    before: Entry | None,
    after: Entry | None,
    moved_from: str | None,
    ignore_whitespace: bool,
) -> FileChange | None:
    """None for a file that differs in nothing that counts."""
    if moved_from is not None:
        return FileChange(path, "moved", 0, 0, moved_from)
    status: Status = "added" if before is None else "removed" if after is None else "changed"
    if any(entry and entry.why for entry in (before, after)):
        is_known = same(before, after) is not None
        why = _not_recorded(before, after, is_known)
        return FileChange(
            path, status if is_known else "unknown", None, None, why=why, is_recorded=False
        )
    is_notebook = path.lower().endswith(notebooks.SUFFIX)
    sizes = [entry.size or 0 if entry else 0 for entry in (before, after)]
    if max(sizes) > (notebooks.LARGEST if is_notebook else LARGEST_FILE):
        return FileChange(path, status, None, None, why=_too_large(*sizes))
    shas = [entry.sha256 if entry else "" for entry in (before, after)]
    counts = _counts(shas[0], shas[1], is_notebook, ignore_whitespace)
    if isinstance(counts, str):
        return FileChange(path, status, None, None, why=counts)
    if ignore_whitespace and status == "changed" and counts == (0, 0):
        return None
    return FileChange(path, status, *counts)


def _not_recorded(before: Entry | None, after: Entry | None, is_known: bool) -> str:
    sides = f"{_told(before, 'before')}, {_told(after, 'after')}"
    end = "" if is_known else "; whether they differ is not known"
    return f"Not recorded: {sides}{end}."


def _told(entry: Entry | None, when: str) -> str:
    if entry is None:
        return f"no such file {when}"
    size = "" if entry.size is None else f"{entry.size:,} bytes "
    return f"{size}{when}{f' ({entry.why})' if entry.why else ' (recorded)'}"


@lru_cache(maxsize=KEPT_COUNTS)
def _counts(
    old: str, new: str, is_notebook: bool, ignore_whitespace: bool
) -> tuple[int, int] | str:
    """Lines added and removed from one content to the other, by their hashes; why not, where they
    are no texts. Contents never change, so what is counted once is known."""
    path = f"file{notebooks.SUFFIX if is_notebook else ''}"
    before, after = _written(path, *(blobs.read(sha) if sha else b"" for sha in (old, new)))
    if why := _unreadable(before, after):
        return why
    _, added, removed = _patch(before, after, ignore_whitespace, 0).line_stats
    return added, removed


def _written(path: str, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """What people wrote: of notebooks the cells, of other files everything."""
    before, after = notebooks.cells_of(path, old), notebooks.cells_of(path, new)
    if before is None or after is None:
        return old, new
    return notebooks.as_text(before), notebooks.as_text(after)


def _read(snapshot: Snapshot | None, path: str) -> bytes:
    row = snapshot.files.filter(path=path).select_related("blob").first() if snapshot else None
    return blobs.read(row.blob_id) if row else b""


def _unreadable(old: bytes, new: bytes) -> str:
    if max(len(old), len(new)) > LARGEST_FILE:
        return _too_large(len(old), len(new))
    if b"\0" in old[:8192] or b"\0" in new[:8192]:
        return f"Not a text: {len(old):,} bytes before, {len(new):,} after."
    return ""


def _too_large(old: int, new: int) -> str:
    return f"Too large to show: {old:,} bytes before, {new:,} after."


def _patch(old: bytes, new: bytes, ignore_whitespace: bool, context: int) -> pygit2.Patch:
    flag = DiffOption.IGNORE_WHITESPACE if ignore_whitespace else DiffOption.NORMAL
    return pygit2.Patch.create_from(old, new, flag=flag, context_lines=context)


def _hunks(patch: pygit2.Patch) -> Iterator[Hunk]:
    seen = 0  # lines of the new file so far
    for hunk in patch.hunks:
        # With no line on the new side, its start is the line before the removed ones.
        start = hunk.new_start if hunk.new_lines else hunk.new_start + 1
        yield Hunk(
            skipped=max(0, start - 1 - seen),
            heading=hunk.header.partition("@@")[2].partition("@@")[2].strip(),
            lines=tuple(_with_words(list(_lines(hunk)))),
        )
        seen = start - 1 + hunk.new_lines


def _lines(hunk: pygit2.DiffHunk) -> Iterator[Line]:
    kinds: dict[str, Literal["same", "added", "removed"]] = {
        " ": "same", "+": "added", "-": "removed",
    }  # fmt: skip
    for line in hunk.lines:
        if line.origin not in kinds:  # "\ No newline at end of file": the line itself says it
            continue
        text = line.raw_content.decode("utf-8", errors="replace")
        yield Line(
            kind=kinds[line.origin],
            old=line.old_lineno if line.old_lineno > 0 else None,
            new=line.new_lineno if line.new_lineno > 0 else None,
            text=text.rstrip("\r\n"),
            ends_file=not text.endswith("\n"),
        )


def _with_words(lines: list[Line]) -> list[Line]:
    """Removed lines directly followed by added ones are paired, first with first."""
    done: list[Line] = []
    place = 0
    while place < len(lines):
        removed = _block(lines, place, "removed")
        added = _block(lines, place + len(removed), "added")
        if not removed and not added:
            done.append(lines[place])
            place += 1
            continue
        done += _marked(removed, added)
        place += len(removed) + len(added)
    return done


def _block(lines: list[Line], start: int, kind: str) -> list[Line]:
    end = start
    while end < len(lines) and lines[end].kind == kind:
        end += 1
    return lines[start:end]


def _marked(removed: list[Line], added: list[Line]) -> list[Line]:
    old, new = list(removed), list(added)
    for place, (before, after) in enumerate(zip(removed, added, strict=False)):
        first, second = changed_words(before.text, after.text)
        old[place] = Line("removed", before.old, None, before.text, first, before.ends_file)
        new[place] = Line("added", None, after.new, after.text, second, after.ends_file)
    return old + new
