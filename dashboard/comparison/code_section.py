"""The code of two of the compared runs, side by side."""

from dataclasses import dataclass

from dashboard.comparison.diff_view import DiffRow, diff_rows, notebook_rows
from dashboard.comparison.selection import Compared, Selection
from experiments import snapshots
from experiments.comparing import code, environment
from experiments.comparing.code import CellDiff, CodeDiff, FileChange, FileDiff
from experiments.comparing.environment import Change, PackageRow

TABS = ("files", "patch", "packages", "command")
VIEWS = ("split", "unified")
CONTEXTS = ("3", "10", "all")
WIDER = {"3": "10", "10": "all"}
MOST_ROWS = 4_000  # of one file; a browser draws no more with ease


@dataclass(frozen=True)
class Folder:
    name: str
    files: tuple[FileChange, ...]


@dataclass(frozen=True)
class Patch:
    """The uncommitted changes that a run was executed with."""

    compared: Compared
    rows: tuple[tuple[str, str], ...]  # CSS class, line


@dataclass(frozen=True)
class Notebook:
    """How many cells the shown notebook has, differ in what they say, and in their outputs."""

    cells: int
    differing: int
    other_outputs: int


@dataclass(frozen=True)
class CodeSection:
    """`file` is the changed file shown, with its rows; None where nothing differs."""

    old: Compared
    new: Compared
    tab: str
    view: str
    context: str
    ignores_whitespace: bool
    diff: CodeDiff
    folders: tuple[Folder, ...]
    file: FileChange | None
    file_diff: FileDiff | None
    notebook: Notebook | None
    rows: tuple[DiffRow, ...]
    rows_left_out: int
    patches: tuple[Patch, ...]
    packages: tuple[tuple[PackageRow, Change], ...]
    same_packages: int

    @property
    def wider(self) -> str:
        """The next larger context; empty at the whole file."""
        return WIDER.get(self.context, "")

    @property
    def lacking(self) -> list[Compared]:
        """Runs of the pair that recorded no code."""
        return [one for one in (self.old, self.new) if one.run.snapshot is None]


def code_section(selection: Selection) -> CodeSection:
    """The code of the pair that is asked for."""
    old, new = pair_of(selection)
    whitespace = selection.controls.get("ws") == "1"
    tab = selection.get("code", TABS)
    context, view = selection.get("context", CONTEXTS), selection.get("view", VIEWS)
    # Against a run that recorded no code, every file would look removed.
    has_both = old.run.snapshot is not None and new.run.snapshot is not None
    diff = (
        code.compare(old.run.snapshot, new.run.snapshot, ignore_whitespace=whitespace)
        if has_both
        else CodeDiff((), 0)
    )
    file = _file(diff, selection.controls.get("file", ""))
    found, cells = None, None
    if file is not None and tab == "files":
        asked = (old.run.snapshot, new.run.snapshot, file.path)
        lines = code.WHOLE_FILE if context == "all" else int(context)
        cells = code.notebook_diff(*asked, ignore_whitespace=whitespace, context=lines)
        if cells is None:
            found = code.file_diff(*asked, ignore_whitespace=whitespace, context=lines)
    rows = _rows(found, cells, split=view == "split")
    packages = environment.compare_packages([old.run, new.run])
    changed = [row for row in packages if row.differs]
    return CodeSection(
        old=old,
        new=new,
        tab=tab,
        view=view,
        context=context,
        ignores_whitespace=whitespace,
        diff=diff,
        folders=_folders(diff),
        file=file,
        file_diff=found,
        notebook=_notebook(cells),
        rows=tuple(rows[:MOST_ROWS]),
        rows_left_out=max(0, len(rows) - MOST_ROWS),
        patches=tuple(_patch(one) for one in (old, new)) if tab == "patch" else (),
        packages=tuple((row, environment.package_change(*row.versions)) for row in changed),
        same_packages=len(packages) - len(changed),
    )


def pair_of(selection: Selection) -> tuple[Compared, Compared]:
    """The pair asked for: by default the baseline against the first other run with code."""
    old = selection.by_id(selection.controls.get("old", "")) or selection.baseline
    return old, selection.by_id(selection.controls.get("new", "")) or _other(selection, old)


def _other(selection: Selection, old: Compared) -> Compared:
    """The first other run with other code, else with any, else the first other."""

    def place(one: Compared) -> tuple[bool, bool]:
        return one.run.snapshot_id is None, one.run.snapshot_id == old.run.snapshot_id

    return min((one for one in selection.compared if one is not old), key=place)


def _rows(found: FileDiff | None, cells: list[CellDiff] | None, *, split: bool) -> list[DiffRow]:
    if cells is not None:
        return notebook_rows(cells, split=split)
    return diff_rows(found, split=split) if found else []


def _notebook(cells: list[CellDiff] | None) -> Notebook | None:
    if cells is None:
        return None
    pairs = [cell.pair for cell in cells]
    other = [one for one in pairs if one.old and one.new and one.old.outputs != one.new.outputs]
    return Notebook(len(pairs), sum(not one.is_same for one in pairs), len(other))


def _file(diff: CodeDiff, wanted: str) -> FileChange | None:
    """The file asked for if it differs, else the first that does."""
    asked = next((file for file in diff.files if file.path == wanted), None)
    return asked or next(iter(diff.files), None)


def _folders(diff: CodeDiff) -> tuple[Folder, ...]:
    found: dict[str, list[FileChange]] = {}
    for file in diff.files:
        folder, slash, _ = file.path.rpartition("/")
        found.setdefault(folder + slash, []).append(file)
    return tuple(Folder(name, tuple(files)) for name, files in found.items())


def _patch(compared: Compared) -> Patch:
    snapshot = compared.run.snapshot
    data = snapshots.load_patch(snapshot) if snapshot else b""
    lines = data.decode("utf-8", errors="replace").splitlines()[:MOST_ROWS]
    return Patch(compared, tuple((_patch_class(line), line) for line in lines))


def _patch_class(line: str) -> str:
    if line.startswith(("diff ", "index ", "+++", "---", "@@", "new file", "deleted file")):
        return "gu"
    return {"+": "a", "-": "d"}.get(line[:1], "")
