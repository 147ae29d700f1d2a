"""What is stored, as shapes: series, points, tables, episodes, console. Reads only."""

from experiments.reading.console import log_lines
from experiments.reading.curves import series
from experiments.reading.evaluations import adaptation, episodes
from experiments.reading.families import (
    MOST_CHILDREN,
    MOST_GROUPS,
    child_counts,
    child_rows,
    group_names,
    group_summaries,
)
from experiments.reading.raw import (
    MOST_POINTS,
    all_points,
    keys_of_any,
    points,
    points_at,
    series_keys,
    series_summaries,
)
from experiments.reading.tables import (
    rows_of,
    run_columns,
    run_ids,
    run_table,
    spread_ids,
    status_counts,
)
from experiments.reading.windows import charted

__all__ = [
    "MOST_CHILDREN",
    "MOST_GROUPS",
    "MOST_POINTS",
    "adaptation",
    "all_points",
    "charted",
    "child_counts",
    "child_rows",
    "episodes",
    "group_names",
    "group_summaries",
    "keys_of_any",
    "log_lines",
    "points",
    "points_at",
    "rows_of",
    "run_columns",
    "run_ids",
    "run_table",
    "series",
    "series_keys",
    "series_summaries",
    "spread_ids",
    "status_counts",
]
