"""What each compared run is, in a few words: the params in which they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.comparison.selection import Compared, Selection
from experiments.comparing.documents import Row
from experiments.comparing.groups import SEED
from experiments.comparing.params import ParamRows

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
    shown = rows[:MOST_PARAMS]
    return [
        LegendLine(one, ", ".join(_told(row, place, shown) for row in shown))
        for place, one in enumerate(selection.compared)
    ]


def _told(row: Row, place: int, shown: Sequence[Row]) -> str:
    """The last part of the key where that says which it is."""
    is_alone = sum(other.name == row.name for other in shown) == 1
    text = row.cells[place].text
    short = text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
    return f"{row.name if is_alone else row.key} {short}"
