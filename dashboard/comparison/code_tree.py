"""The tree of files that differ, between two of the compared runs and among all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.comparison.selection import Compared
from experiments.comparing.code import CodeDiff, FileChange
from experiments.comparing.code_across import CodeAcross, FileAcross
from experiments.comparing.code_files import Entry


@dataclass(frozen=True)
class TreeFile:
    """`change` is between the two runs, None where they have the same; `across` is None where
    only those two are compared."""

    path: str
    change: FileChange | None
    across: FileAcross | None

    @property
    def tag(self) -> str:
        """What is said of it beside its name, where that is not what most files are."""
        if self.change is None:
            return "same"
        if not self.change.is_recorded:
            return "not recorded"
        return "" if self.change.status == "changed" else self.change.status


@dataclass(frozen=True)
class Folder:
    name: str
    files: tuple[TreeFile, ...]


@dataclass(frozen=True)
class Content:
    """Runs that hold one content of a file. `name` is "Content 1" and so on, or says that there is
    none; with `is_old` and `is_new` it is what the two compared runs have."""

    name: str
    runs: tuple[Compared, ...]
    is_old: bool
    is_new: bool


def files_of(diff: CodeDiff, across: CodeAcross | None) -> list[TreeFile]:
    """By path. `across` is None for the pair alone."""
    changes = {file.path: file for file in diff.files}
    if across is None:
        return [TreeFile(file.path, file, None) for file in diff.files]
    others = {file.path: file for file in across.files}
    moved = {file.moved_from: file for file in diff.files if file.moved_from}
    return [
        TreeFile(path, changes.get(path) or moved.get(path), others.get(path))
        for path in sorted(changes.keys() | others.keys())
    ]


def folders_of(files: list[TreeFile]) -> tuple[Folder, ...]:
    """The files by their folder, in order."""
    found: dict[str, list[TreeFile]] = {}
    for file in files:
        folder, slash, _ = file.path.rpartition("/")
        found.setdefault(folder + slash, []).append(file)
    return tuple(Folder(name, tuple(some)) for name, some in found.items())


def contents_of(
    across: CodeAcross, path: str, compared: Mapping[str, Compared], old: Compared, new: Compared
) -> tuple[Content, ...]:
    """Who holds which content of a file: first what most runs have. Empty for one that is the same
    in all."""
    file = across.file(path)
    if file is None:
        return ()
    holders: dict[Entry | None, list[Compared]] = {}
    for run, entry in zip(across.runs, file.held, strict=True):
        holders.setdefault(entry, []).append(compared[run.pk])
    ordered = sorted(holders.items(), key=lambda one: (one[0] is None, -len(one[1])))
    return tuple(
        Content(_name(entry, number), tuple(runs), old in runs, new in runs)
        for number, (entry, runs) in enumerate(ordered, 1)
    )


def _name(entry: Entry | None, number: int) -> str:
    if entry is None:
        return "No such file"
    name = f"Content {number}"
    return f"{name}, not recorded: {entry.why}" if entry.why else name
