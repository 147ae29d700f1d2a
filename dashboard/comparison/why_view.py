"""Which of the differences go along with the metric over the project's runs."""

from collections.abc import Collection
from dataclasses import dataclass

from dashboard.comparison.choices import choices
from dashboard.comparison.metric_table import STATS, direction_of
from dashboard.comparison.numbers import p_text
from dashboard.comparison.selection import Selection
from dashboard.metric_names import headline, natural
from experiments.comparing import association
from experiments.comparing.association import Association
from experiments.comparing.params import ParamRows
from experiments.params_hash import SEED

SHOWN_LEVELS = 4


@dataclass(frozen=True)
class WhyRow:
    found: Association
    percent: int  # of the share
    says: str
    p: str


@dataclass(frozen=True)
class WhyView:
    """`untold` are keys that the project's runs say nothing about."""

    key: str
    keys: tuple[str, ...]
    stat: str
    rows: tuple[WhyRow, ...]
    untold: tuple[str, ...]
    runs: int
    least: int


def why_view(selection: Selection, params: ParamRows, keys: Collection[str]) -> WhyView | None:
    """None for runs of several projects, and without metrics or differing params."""
    project = selection.baseline.run.project
    keys = sorted(keys, key=natural)
    wanted = selection.controls.get("value", "")
    key = wanted if wanted in keys else headline(keys, project.main_metric)
    differing = [row.key for row in params.rows if row.differs and row.key != SEED]
    if key is None or not differing or len({run.project_id for run in selection.runs}) > 1:
        return None
    stat = selection.get("stat", STATS)
    found = association.rank(project, differing, metric=key, stat=stat)
    direction = direction_of(key, selection)
    rows = tuple(
        WhyRow(one, round(100 * one.share), _says(one, key, direction), _p(one, found.rows))
        for one in found.rows
    )
    least = association.LEAST_RUNS
    return WhyView(key, choices(keys, key), stat, rows, found.untold, found.runs, least)


def _p(one: Association, rows: tuple[Association, ...]) -> str:
    return p_text(one.holm_p, len(rows))


def _says(one: Association, key: str, direction: str) -> str:
    """ "higher goes along with lower test/loss", or the medians by value."""
    if one.correlation is None:
        shown = [f"{text}: {median:.4g} (N = {n})" for text, n, median in one.levels[:SHOWN_LEVELS]]
        more = len(one.levels) - len(shown)
        return f"median by value {', '.join(shown)}{f' and {more} more' if more else ''}"
    way = "higher" if one.correlation > 0 else "lower"
    correlation = f"{one.correlation:+.2f}".replace("-", "−")
    said = f"higher goes along with {way} {key}, rank correlation {correlation}"
    if direction and one.correlation:
        good = (way == "higher") == (direction == "max")
        said += f" ({'better' if good else 'worse'})"
    return said
