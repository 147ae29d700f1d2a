"""All numbers: last, least or most of every metric, with the difference to the baseline."""

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass

from dashboard.comparison.selection import Selection
from dashboard.metric_names import Direction, direction_of_name, natural
from experiments import reading
from experiments.comparing import metrics
from experiments.comparing.metrics import STATS as STATS
from experiments.comparing.metrics import NumberRow, Stat
from experiments.shapes import SeriesSummary

# On a page; a search finds the others, the CSV file has all.
MOST_ROWS = 100
MOST_CELLS = 4_000

Summaries = dict[str, dict[str, SeriesSummary]]  # by run and key


@dataclass(frozen=True)
class MetricTable:
    """The first rows by key, and how many of the metrics asked for are left out."""

    rows: tuple[NumberRow, ...]
    left_out: int


def metric_table(selection: Selection, keys: Collection[str], stat: Stat) -> MetricTable:
    """One row per metric."""
    shown = sorted(keys, key=natural)[: min(MOST_ROWS, MOST_CELLS // len(selection.compared))]
    summaries = reading.series_summaries(selection.ids, shown)
    rows = tuple(_row(selection, summaries, key, stat) for key in shown)
    return MetricTable(rows, len(keys) - len(rows))


def direction_of(key: str, selection: Selection) -> Direction:
    """Whether lower or higher is better: what a project says of its main metric, else by name."""
    for run in selection.runs:
        if run.project.main_metric == key:
            return "max" if run.project.main_metric_direction == "max" else "min"
    return direction_of_name(key)


def metrics_csv(selection: Selection, summaries: Summaries) -> str:
    """One line per metric and run with every number, as RFC 4180 text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["metric", "letter", "run", "name", "points", "not_finite", "last", "last_step",
         "min", "min_step", "max", "max_step"]
    )  # fmt: skip
    for key in sorted({key for of_run in summaries.values() for key in of_run}, key=natural):
        for one in selection.compared:
            if summary := summaries[one.run.pk].get(key):
                writer.writerow(
                    [_plain(key), one.letter, one.run.pk, _plain(one.run.name), *_numbers(summary)]
                )
    return out.getvalue()


def _numbers(one: SeriesSummary) -> list[object]:
    return [one.count, one.nonfinite, one.last, one.last_step, one.least, one.least_step,
            one.most, one.most_step]  # fmt: skip


def _plain(text: str) -> str:
    """Names that a spreadsheet would run as a formula get a leading apostrophe."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def _row(selection: Selection, summaries: Summaries, key: str, stat: Stat) -> NumberRow:
    of_runs = [summaries[run_id] for run_id in selection.ids]
    direction = direction_of(key, selection)
    return metrics.row(key, direction, of_runs, stat=stat, baseline=selection.baseline_place)
