"""The params of the compared runs as a tree whose groups fold, a part of its lines at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dashboard.comparison.selection import Selection
from dashboard.table_state import in_list, names_of
from experiments.comparing.documents import Row
from experiments.comparing.params import ParamRows

ALL = "*"  # in `pfolds`: every group is folded but those named
MOST_CELLS = 1_500  # that come at once
LEAST_LINES = 40
MOST_LINES = 10_000
MOST_FOLDS = 500


@dataclass(frozen=True)
class Line:
    """A line of the table: a param, or the head of a group of `count` params. `toggle` is what
    `pfolds` says once the group was folded, or opened."""

    depth: int
    row: Row | None = None
    path: str = ""
    name: str = ""
    count: int = 0
    differing: int = 0
    is_folded: bool = False
    toggle: str = ""


@dataclass(frozen=True)
class ParamTree:
    """Lines from `start` on. `matching` params are in the tree; `next` is where the next lines
    begin, None at its end."""

    all: ParamRows
    lines: tuple[Line, ...]
    matching: int
    total: int
    start: int
    next: int | None
    only_differing: bool
    has_groups: bool
    is_all_folded: bool

    @property
    def left(self) -> int:
        """How many lines follow."""
        return self.total - self.start - len(self.lines)


@dataclass
class _Group:
    path: str
    rows: list[Row] = field(default_factory=list)
    groups: dict[str, "_Group"] = field(default_factory=dict)
    count: int = 0
    differing: int = 0


def param_tree(
    selection: Selection, found: ParamRows, *, start: int = 0, least: int = 0
) -> ParamTree:
    """What the address asks for: only what differs, what contains a text, which groups are folded.
    A search looks into folded groups, too. `least`: so many lines at once, where there are."""
    only_differing = selection.controls.get("differs") != "0"
    wanted = selection.controls.get("search", "").strip().lower()
    rows = [
        row
        for row in found.rows
        if (row.differs or not only_differing) and wanted in row.key.lower()
    ]
    root = _grouped(rows)
    folds = _Folds(selection.controls.get("pfolds", ""), ignored=bool(wanted))
    lines = list(_lines(root, folds, 0))
    at_once = max(LEAST_LINES, MOST_CELLS // len(selection.compared), min(least, MOST_LINES))
    shown = lines[start : start + at_once]
    end = start + len(shown)
    return ParamTree(
        all=found,
        lines=tuple(shown),
        matching=len(rows),
        total=len(lines),
        start=start,
        next=end if end < len(lines) else None,
        only_differing=only_differing,
        has_groups=bool(root.groups),
        is_all_folded=ALL in names_of(selection.controls.get("pfolds", "")),
    )


class _Folds:
    """Which groups are folded, as the address names them: a comma in a name is "%2C"."""

    def __init__(self, text: str, *, ignored: bool) -> None:
        self._named = names_of(text)[:MOST_FOLDS]
        self._ignored = ignored

    def __contains__(self, path: str) -> bool:
        return not self._ignored and (path in self._named) != (ALL in self._named)

    def toggled(self, path: str) -> str:
        names = [name for name in self._named if name != path]
        names += [] if path in self._named else [path]
        return ",".join(map(in_list, names))


def _grouped(rows: Sequence[Row]) -> _Group:
    """Groups in the order first met, each with what is below it."""
    root = _Group("")
    for row in rows:
        group = root
        for part in row.section.split(".") if row.section else ():
            path = f"{group.path}.{part}" if group.path else part
            group = group.groups.setdefault(part, _Group(path))
            group.count += 1
            group.differing += row.differs
        group.rows.append(row)
    return root


def _lines(group: _Group, folds: _Folds, depth: int) -> Iterator[Line]:
    for row in group.rows:
        yield Line(depth, row)
    for name, inner in group.groups.items():
        is_folded = inner.path in folds
        yield Line(
            depth,
            path=inner.path,
            name=name,
            count=inner.count,
            differing=inner.differing,
            is_folded=is_folded,
            toggle=folds.toggled(inner.path),
        )
        if not is_folded:
            yield from _lines(inner, folds, depth + 1)
