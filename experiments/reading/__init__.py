"""What is stored, as shapes: series, points, tables, episodes, console. Reads only."""

from experiments.reading.console import log_lines
from experiments.reading.curves import series
from experiments.reading.evaluations import adaptation, episodes
from experiments.reading.raw import (
    MOST_POINTS,
    all_points,
    points,
    points_at,
    series_keys,
    series_summaries,
)
from experiments.reading.tables import run_columns, run_ids, run_table
from experiments.reading.windows import charted

__all__ = [
    "MOST_POINTS",
    "adaptation",
    "all_points",
    "charted",
    "episodes",
    "log_lines",
    "points",
    "points_at",
    "run_columns",
    "run_ids",
    "run_table",
    "series",
    "series_keys",
    "series_summaries",
]
