"""What is stored, as shapes: series, points, tables, episodes, console. Reads only."""

from experiments.reading.console import log_lines
from experiments.reading.curves import series
from experiments.reading.evaluations import adaptation, episodes
from experiments.reading.raw import points, series_keys, series_summaries

__all__ = [
    "adaptation",
    "episodes",
    "log_lines",
    "points",
    "series",
    "series_keys",
    "series_summaries",
]
