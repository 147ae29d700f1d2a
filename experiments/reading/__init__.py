"""What is stored, as shapes: series, points, tables, episodes, console. Reads only."""

from experiments.reading.console import log_lines
from experiments.reading.curves import series
from experiments.reading.evaluations import adaptation, answered, answers, episodes
from experiments.reading.families import (
    MOST_CHILDREN,
    MOST_GROUPS,
    child_counts,
    child_rows,
    group_names,
    group_summaries,
)
from experiments.reading.grouping import ATTRIBUTES as GROUPED_BY
from experiments.reading.grouping import SEEDLESS, check_grouped, held_in
from experiments.reading.media import file_of as media_file
from experiments.reading.media import media_index, media_of, nearest
from experiments.reading.meta_training import gaps, over_training
from experiments.reading.raw import (
    MOST_POINTS,
    all_points,
    keys_of_any,
    points,
    points_at,
    series_keys,
    series_summaries,
)
from experiments.reading.run_groups import run_groups
from experiments.reading.tables import (
    found_run_ids,
    rows_of,
    run_columns,
    run_ids,
    run_table,
    spread_ids,
    status_counts,
)
from experiments.reading.windows import charted

__all__ = [
    "GROUPED_BY",
    "MOST_CHILDREN",
    "MOST_GROUPS",
    "MOST_POINTS",
    "SEEDLESS",
    "adaptation",
    "all_points",
    "answered",
    "answers",
    "charted",
    "check_grouped",
    "child_counts",
    "child_rows",
    "episodes",
    "found_run_ids",
    "gaps",
    "group_names",
    "group_summaries",
    "held_in",
    "keys_of_any",
    "log_lines",
    "media_file",
    "media_index",
    "media_of",
    "nearest",
    "over_training",
    "points",
    "points_at",
    "rows_of",
    "run_columns",
    "run_groups",
    "run_ids",
    "run_table",
    "series",
    "series_keys",
    "series_summaries",
    "spread_ids",
    "status_counts",
]
