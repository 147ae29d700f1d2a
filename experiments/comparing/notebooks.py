"""Jupyter notebooks cell by cell: what was written, without outputs, counts and metadata."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SUFFIX = ".ipynb"
LARGEST = 20_000_000  # bytes of a notebook, most of them outputs
MOST_CELLS = 2_000
LEAST_ALIKE = 0.4  # cells that share less are not versions of each other
MOST_COMPARED = 5_000  # characters of a cell that are looked at for that

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")
_ENDINGS = {"markdown": ".md", "raw": ".txt"}


@dataclass(frozen=True)
class Cell:
    """`number` counts from 1; `id` is empty where the notebook has none. `ending` tells the
    language, as file names do."""

    number: int
    id: str
    kind: str
    source: str
    ending: str
    outputs: str  # as JSON: only whether they are the same counts


@dataclass(frozen=True)
class CellPair:
    """A cell in both notebooks, or in one. `is_moved`: the other notebook has it elsewhere."""

    old: Cell | None
    new: Cell | None
    is_moved: bool = False

    @property
    def is_same(self) -> bool:
        """Both say the same; outputs and counts do not matter."""
        if self.old is None or self.new is None:
            return False
        return (self.old.kind, self.old.source) == (self.new.kind, self.new.source)

    @property
    def shown(self) -> Cell:
        """The newer of the two."""
        cell = self.new or self.old
        assert cell is not None
        return cell


def cells_of(path: str, data: bytes) -> tuple[Cell, ...] | None:
    """The cells of a notebook, none for no bytes; None for what is no notebook."""
    if not path.lower().endswith(SUFFIX) or len(data) > LARGEST:
        return None
    if not data:
        return ()
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    found = _cells(document)
    if found is None or not all(isinstance(cell, dict) for cell in found):
        return None
    if len(found) > MOST_CELLS:
        return None
    ending = _ending(document)
    return tuple(_cell(number, cell, ending) for number, cell in enumerate(found, 1))


def as_text(cells: Sequence[Cell]) -> bytes:
    """The sources one below the other."""
    text = "".join(f"{cell.source.rstrip()}\n" for cell in cells)
    return text.encode("utf-8", errors="replace")


def paired(old: Sequence[Cell], new: Sequence[Cell]) -> list[CellPair]:
    """Cells by their ids where both notebooks have them, the others by what they say, in order."""
    known = {cell.id for cell in old if cell.id} & {cell.id for cell in new if cell.id}
    before, after = ([_key(cell, known) for cell in cells] for cells in (old, new))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    pairs: list[CellPair] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            pairs += map(CellPair, old[a:b], new[c:d])
        else:
            pairs += _unmatched(old[a:b], new[c:d], known)
    return pairs


def _unmatched(old: Sequence[Cell], new: Sequence[Cell], known: set[str]) -> Iterator[CellPair]:
    """Cells of a kind that are much alike are versions of each other, in their order; those whose
    id is elsewhere in the other notebook have moved."""
    left = list(old)
    for cell in new:
        alike = next((one for one in left if _are_versions(one, cell, known)), None)
        if alike is None:
            yield CellPair(None, cell, cell.id in known)
            continue
        for gone in left[: left.index(alike)]:
            yield CellPair(gone, None, gone.id in known)
        left = left[left.index(alike) + 1 :]
        yield CellPair(alike, cell)
    for gone in left:
        yield CellPair(gone, None, gone.id in known)


def _are_versions(old: Cell, new: Cell, known: set[str]) -> bool:
    if old.kind != new.kind or old.id in known or new.id in known:
        return False
    first, second = old.source[:MOST_COMPARED], new.source[:MOST_COMPARED]
    matcher = difflib.SequenceMatcher(None, first.split(), second.split(), autojunk=False)
    return matcher.quick_ratio() >= LEAST_ALIKE


def _key(cell: Cell, known: set[str]) -> tuple[str, str]:
    return ("id", cell.id) if cell.id in known else (cell.kind, cell.source)


def _cells(document: Any) -> list[Any] | None:
    """Those of format 4, or of the first sheet of format 3."""
    if not isinstance(document, dict):
        return None
    sheets = document.get("worksheets")
    if isinstance(sheets, list) and sheets and isinstance(sheets[0], dict):
        document = sheets[0]
    found = document.get("cells")
    return found if isinstance(found, list) else None


def _cell(number: int, cell: dict[str, Any], ending: str) -> Cell:
    kind, name = cell.get("cell_type"), cell.get("id")
    kind = kind[:40] if isinstance(kind, str) else "raw"
    source = _text(cell.get("source", cell.get("input", "")))
    outputs = json.dumps(cell.get("outputs", []), sort_keys=True)
    return Cell(
        number,
        name if isinstance(name, str) else "",
        kind,
        source,
        _ENDINGS.get(kind, ending),
        outputs,
    )


def _text(value: Any) -> str:
    """A source is one text or a list of lines with their ends."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _ending(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    language = metadata.get("language_info") if isinstance(metadata, dict) else None
    found = language.get("file_extension") if isinstance(language, dict) else None
    return found if isinstance(found, str) and _EXTENSION.fullmatch(found) else ".py"
