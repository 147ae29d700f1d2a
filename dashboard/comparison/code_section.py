"""The code of the compared runs: what differs among all of them, and two side by side."""

from dataclasses import dataclass

from dashboard.comparison.code_tree import (
    Content,
    Folder,
    TreeFile,
    contents_of,
    files_of,
    folders_of,
)
from dashboard.comparison.diff_view import DiffRow, diff_rows, notebook_rows
from dashboard.comparison.selection import Compared, Selection
from experiments import snapshots
from experiments.comparing import code, code_across, code_files, environment
from experiments.comparing.code import CellDiff, CodeDiff, FileChange, FileDiff
from experiments.comparing.code_across import CodeAcross
from experiments.comparing.environment import Change, PackageRow

TABS = ("files", "patch", "packages", "command")
VIEWS = ("split", "unified")
TREES = ("all", "pair")
CONTEXTS = ("3", "10", "all")
WIDER = {"3": "10", "10": "all"}
MOST_ROWS = 4_000  # of one file; a browser draws no more with ease


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
    """`file` is the file shown, with its rows; None where nothing differs. `across` is the code of
    all runs; None where they are the pair."""

    selection: Selection
    old: Compared
    new: Compared
    tab: str
    view: str
    context: str
    ignores_whitespace: bool
    diff: CodeDiff
    across: CodeAcross | None
    tree: str
    files: tuple[TreeFile, ...]
    folders: tuple[Folder, ...]
    file: TreeFile | None
    contents: tuple[Content, ...]
    not_named: tuple[tuple[Compared, int], ...]
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
    def counted_against(self) -> Compared | None:
        """The run that the counts over all runs are against."""
        if self.across is None or self.across.baseline is None:
            return None
        return self.selection.by_id(self.across.baseline.pk)

    @property
    def lacking(self) -> list[Compared]:
        """Runs of the pair that recorded no code."""
        return [one for one in (self.old, self.new) if one.run.snapshot is None]


def code_section(selection: Selection) -> CodeSection:
    """The code of the pair that is asked for, and the files in which any of the runs differ."""
    old, new = pair_of(selection)
    whitespace = selection.controls.get("ws") == "1"
    tab, tree = selection.get("code", TABS), selection.get("tree", TREES)
    context, view = selection.get("context", CONTEXTS), selection.get("view", VIEWS)
    diff = _diff(old, new, whitespace)
    across = code_of_all(selection) if len(selection.compared) > 2 else None
    files = files_of(diff, across if tree == "all" else None)
    file = _file(files, selection.controls.get("file", ""))
    found, cells = None, None
    if file is not None and file.change is not None and tab == "files":
        lines = code.WHOLE_FILE if context == "all" else int(context)
        found, cells = _shown(old, new, file.path, file.change, whitespace, lines)
    rows = _rows(found, cells, split=view == "split")
    packages = environment.compare_packages([old.run, new.run])
    changed = [row for row in packages if row.differs]
    return CodeSection(
        selection=selection,
        old=old,
        new=new,
        tab=tab,
        view=view,
        context=context,
        ignores_whitespace=whitespace,
        diff=diff,
        across=across,
        tree=tree,
        files=tuple(files),
        folders=folders_of(files),
        file=file,
        contents=_contents(selection, across, file, old, new),
        not_named=_not_named(old, new),
        file_diff=found,
        notebook=_notebook(cells),
        rows=tuple(rows[:MOST_ROWS]),
        rows_left_out=max(0, len(rows) - MOST_ROWS),
        patches=tuple(_patch(one) for one in (old, new)) if tab == "patch" else (),
        packages=tuple((row, environment.package_change(*row.versions)) for row in changed),
        same_packages=len(packages) - len(changed),
    )


def _diff(old: Compared, new: Compared, ignore_whitespace: bool) -> CodeDiff:
    """Nothing against a run that recorded no code: every file would look removed."""
    if old.run.snapshot is None or new.run.snapshot is None:
        return CodeDiff((), 0)
    found = code_files.left_out_of([old.run, new.run])
    return code.compare(
        old.run.snapshot,
        new.run.snapshot,
        left_out=(found.get(old.run.pk, {}), found.get(new.run.pk, {})),
        ignore_whitespace=ignore_whitespace,
    )


def _shown(
    old: Compared,
    new: Compared,
    path: str,
    change: FileChange,
    ignore_whitespace: bool,
    context: int,
) -> tuple[FileDiff | None, list[CellDiff] | None]:
    """The file line by line, or a notebook by its cells."""
    if not change.is_recorded:
        return FileDiff(path, "", "", (), 0, change.why), None
    asked = (old.run.snapshot, new.run.snapshot, path)
    cells = code.notebook_diff(*asked, ignore_whitespace=ignore_whitespace, context=context)
    if cells is not None:
        return None, cells
    return code.file_diff(*asked, ignore_whitespace=ignore_whitespace, context=context), None


def _not_named(old: Compared, new: Compared) -> tuple[tuple[Compared, int], ...]:
    found = code_files.not_named([old.run, new.run])
    return tuple((one, found[one.run.pk]) for one in (old, new) if one.run.pk in found)


def code_of_all(selection: Selection) -> CodeAcross:
    """The files in which any two of the runs differ."""
    return code_across.across(selection.runs, baseline=selection.baseline.run.pk)


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


def _file(files: list[TreeFile], wanted: str) -> TreeFile | None:
    """The file asked for if it differs, else the first that does between the two, else among
    all."""
    asked = next((file for file in files if file.path == wanted), None)
    return asked or next((file for file in files if file.change), None) or next(iter(files), None)


def _contents(
    selection: Selection,
    across: CodeAcross | None,
    file: TreeFile | None,
    old: Compared,
    new: Compared,
) -> tuple[Content, ...]:
    if across is None or file is None:
        return ()
    compared = {one.run.pk: one for one in selection.compared}
    return contents_of(across, file.path, compared, old, new)


def _patch(compared: Compared) -> Patch:
    snapshot = compared.run.snapshot
    data = snapshots.load_patch(snapshot) if snapshot else b""
    lines = data.decode("utf-8", errors="replace").splitlines()[:MOST_ROWS]
    return Patch(compared, tuple((_patch_class(line), line) for line in lines))


def _patch_class(line: str) -> str:
    if line.startswith(("diff ", "index ", "+++", "---", "@@", "new file", "deleted file")):
        return "gu"
    return {"+": "a", "-": "d"}.get(line[:1], "")
