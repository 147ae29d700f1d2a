"""Which way is better, of the metrics of a run table: as its reader switched it, else as the
project and the metric's name say."""

from dashboard.metric_names import Direction, direction_of_name
from dashboard.table_state import TableState
from experiments import search
from experiments.models import Project


def direction(state: TableState, project: Project, key: str) -> Direction:
    """Whether lower or higher is better; "" where nobody says."""
    match dict(state.better).get(key):
        case "min":
            return "min"
        case "max":
            return "max"
    return usual_direction(project, key)


def usual_direction(project: Project, key: str) -> Direction:
    """The direction before anybody switched it."""
    if key == project.main_metric:
        return "max" if project.main_metric_direction == "max" else "min"
    return direction_of_name(key)


def resolved(state: TableState, project: Project) -> list[str]:
    """The columns chosen in their order, the best of a metric as its minimum or maximum."""
    return list(dict.fromkeys(_resolved(column, state, project) for column in state.shown))


def _resolved(column: str, state: TableState, project: Project) -> str:
    field = search.field(column)
    if field.kind != "metrics" or field.summary != "best":
        return column
    side = direction(state, project, field.key) or "min"
    return f"{column.removesuffix('(best)')}({side})"
