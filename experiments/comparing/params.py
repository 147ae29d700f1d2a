"""Params of several runs side by side, differences by number, not by spelling."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.comparing import documents
from experiments.comparing.documents import Row
from experiments.models import Run


@dataclass(frozen=True)
class ParamRows:
    """Every param of any run. `differing` counts the rows on which any two runs differ."""

    rows: tuple[Row, ...]
    differing: int


def compare(runs: Sequence[Run], *, baseline: int = 0) -> ParamRows:
    """One row per leaf; cells differ, and have ratios, against the run at place `baseline`."""
    rows = tuple(documents.rows([run.params for run in runs], baseline=baseline))
    return ParamRows(rows, sum(row.differs for row in rows))
