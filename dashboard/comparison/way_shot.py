"""Way by shot: results of runs that differ in nothing else but the seed, as grids."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Compared, Selection
from dashboard.measured import Measured, at_step

ASIDE = ("way", "shot", "seed")  # leaves of params that may differ within a grid
LEAST_CELLS = 2


@dataclass(frozen=True)
class GridEntry:
    """One run in a cell."""

    compared: Compared
    value: Measured
    episodes: int


@dataclass(frozen=True)
class WayShotGrid:
    """Rows are ways with a cell for each of `shots`; a cell holds a run for each seed, or none."""

    title: str
    shots: tuple[int, ...]
    rows: tuple[tuple[int, tuple[tuple[GridEntry, ...], ...]], ...]


def way_shot_grids(selection: Selection, found: Evaluated) -> list[WayShotGrid]:
    """A grid for each kind of run that was evaluated at several ways or shots."""
    kinds: dict[str, dict[tuple[int, int], list[GridEntry]]] = {}
    titles: dict[str, str] = {}
    for one in selection.compared:
        evaluation = found.by_run[one.run.pk]
        if evaluation is None:
            continue
        place = evaluation.protocol.get("way"), evaluation.protocol.get("shot")
        if not all(isinstance(part, int) for part in place):
            continue
        kind = json.dumps(_without(one.run.params), sort_keys=True)
        value = at_step(evaluation.summary.get(found.metric), found.steps[one.run.pk], found.metric)
        entry = GridEntry(one, value, evaluation.episode_count)
        kinds.setdefault(kind, {}).setdefault(place, []).append(entry)
        titles.setdefault(kind, str(one.run.params.get("algorithm", one.run.name)))
    return [
        _grid(titles[kind], cells) for kind, cells in kinds.items() if len(cells) >= LEAST_CELLS
    ]


def _grid(title: str, cells: Mapping[tuple[int, int], list[GridEntry]]) -> WayShotGrid:
    ways = sorted({way for way, _ in cells})
    shots = tuple(sorted({shot for _, shot in cells}))
    rows = tuple((way, tuple(tuple(cells.get((way, shot), ())) for shot in shots)) for way in ways)
    return WayShotGrid(title, shots, rows)


def _without(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without(value) if isinstance(value, Mapping) else value
        for key, value in params.items()
        if key not in ASIDE
    }
