"""The run that a run table measures the others against, and how far they are from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.metric_directions import direction
from dashboard.metric_names import Direction
from dashboard.table_cells import cells_of
from dashboard.table_columns import Column
from dashboard.table_state import TableState
from dashboard.templatetags.formats import figures
from experiments import reading
from experiments.models import Project
from experiments.shapes import RunRow, SeriesSummary

MARKS = {True: ("better", "▲"), False: ("worse", "▼")}


@dataclass(frozen=True)
class Baseline:
    """A run with its values in the columns of the table, and what is better in each metric."""

    run: RunRow
    directions: Mapping[str, Direction]

    @classmethod
    def of(
        cls, project: Project, state: TableState, columns: Sequence[Column]
    ) -> "Baseline | None":
        """The run that the address names, if the project has it and it is not in the trash."""
        listed = project.runs.filter(pk=state.baseline, deleted_at=None)
        if not state.baseline or not listed.exists():
            return None
        keys = [column.id for column in columns if column.kind != "attribute"]
        directions = {
            column.key: direction(state, project, column.key)
            for column in columns
            if column.kind == "metrics"
        }
        return cls(reading.rows_of([state.baseline], keys)[0], directions)

    def cells(self, columns: Sequence[Column]) -> SafeString:
        """Its own cells, which are refreshed apart from those of its row in the list."""
        own = cells_of(self.run, columns)
        # Text is escaped by now: only an attribute begins so.
        return SafeString(own.replace(' data-live="', ' data-live="baseline '))

    def cells_against(self, row: RunRow, columns: Sequence[Column]) -> SafeString:
        """The cells of another run, with how far its metrics are from the baseline's."""
        parts: list[str] = []
        for column in columns:
            cell = cells_of(row, [column])
            if column.kind == "metrics" and row.id != self.run.id:
                delta = self.delta(column, value_of(row.metrics.get(column.key), column))
                cell = SafeString(cell.removesuffix("</td>") + f" {delta}</td>")
            parts.append(cell)
        return SafeString("".join(parts))

    def delta(self, column: Column, value: float | None) -> SafeString:
        """How far a value is from the baseline's: the difference with its sign, whether that is
        better or worse as a mark, a word and a colour. Empty where one of them is no number."""
        ours = value_of(self.run.metrics.get(column.key), column)
        if value is None or ours is None or not math.isfinite(apart := value - ours):
            return SafeString("")
        sign = "+" if apart > 0 else "−" if apart < 0 else "±"
        text = sign + figures(abs(apart))
        better = self.directions.get(column.key)
        if not better or not apart:
            return format_html('<small class="delta">{}</small>', text)
        word, mark = MARKS[(apart > 0) == (better == "max")]
        return format_html(
            '<small class="delta {}">{} <span aria-hidden="true">{}</span>'
            '<span class="sr">{}</span></small>',
            word, text, mark, word,
        )  # fmt: skip


def value_of(summary: SeriesSummary | None, column: Column) -> float | None:
    """The number that a metric's column shows of a run; None: it has none."""
    if summary is None:
        return None
    if column.summary == "last":
        return summary.last
    return summary.least if column.summary == "min" else summary.most
