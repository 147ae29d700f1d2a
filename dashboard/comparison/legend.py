"""What each compared run is, in a few words: the params in which they differ."""

from collections import Counter
from dataclasses import dataclass

from dashboard.comparison.selection import Compared, Selection
from experiments.comparing.documents import Row
from experiments.comparing.params import ParamRows
from experiments.params_hash import SEED

MOST_PARAMS = 4
MOST_LETTERS = 24  # of a value


@dataclass(frozen=True)
class LegendLine:
    compared: Compared
    told: str  # "inner.lr 0.04, steps 5"; empty where no param differs


def legend_lines(selection: Selection, params: ParamRows) -> list[LegendLine]:
    """A line for each run, with the first params of which runs have different values; the seed
    comes last."""
    rows = sorted((row for row in params.rows if row.differs), key=lambda row: row.key == SEED)
    ends = Counter(end for row in params.rows for end in _ends(row.key))
    shown = [(row, _short_name(row.key, ends)) for row in rows[:MOST_PARAMS]]
    return [
        LegendLine(one, ", ".join(f"{name} {_value(row, place)}" for row, name in shown))
        for place, one in enumerate(selection.compared)
    ]


def _ends(key: str) -> list[str]:
    """ "a.b.c": "c", "b.c", "a.b.c"."""
    parts = key.split(".")
    return [".".join(parts[place:]) for place in reversed(range(len(parts)))]


def _short_name(key: str, ends: Counter[str]) -> str:
    """The shortest end of a key that no other param of the runs has, be it the same in all."""
    return next((end for end in _ends(key) if ends[end] == 1), key)


def _value(row: Row, place: int) -> str:
    text = row.cells[place].text
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
