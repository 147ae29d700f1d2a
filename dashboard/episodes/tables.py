"""The numbers behind the figures of episodes, as tables that need no script."""

from dataclasses import dataclass
from typing import Any

from dashboard.charts.episode_histogram import Spread, bin_texts, spread_of
from dashboard.charts.generalization_gap import gap_texts
from dashboard.charts.over_training import kept_columns
from dashboard.episodes.inner_rates import InnerRates, column_names
from dashboard.episodes.query import EpisodesQuery
from dashboard.measured import measured
from dashboard.templatetags.formats import figures
from experiments import intervals
from experiments.shapes import Gap, OverTraining

MOST_ROWS = 100
INTERVAL = "± is the half width of the 95 % t interval over the episodes."
WELCH = "± is the half width of Welch's 95 % t interval over the episodes of both."


@dataclass(frozen=True)
class ChartTable:
    """Columns and rows of texts; `left_out` rows are not here. `note` says what numbers are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    left_out: int = 0
    note: str = ""


def spread_of_episodes(query: EpisodesQuery) -> Spread | None:
    """How the episodes are spread after the inner step; None if no value is finite."""
    means = intervals.means(query.values[:, None])
    return spread_of(
        query.values,
        metric=query.metric,
        inner_step=query.inner_step,
        mean=float(means.mean[0]),
        half_width=float(means.half_width[0]),
        axis=query.axis,
    )


def spread_table(spread: Spread | None) -> ChartTable | None:
    """The bins of a histogram."""
    if spread is None:
        return None
    bins = zip(bin_texts(spread), spread.counts.tolist(), strict=True)
    rows = tuple((low, high, int(count)) for (low, high), count in bins)
    return ChartTable((f"{spread.metric} from", "to", "episodes"), rows)


def inner_rates_table(found: InnerRates | None) -> ChartTable | None:
    """The learned rates of the last meta-step: a row a layer, a column an inner step."""
    if found is None:
        return None
    rows = tuple(
        (layer, *map(figures, row))
        for layer, row in zip(found.layers, found.rates[-1].tolist(), strict=True)
    )
    return ChartTable(("layer", *column_names(found.inner_steps)), rows)


def over_training_table(found: OverTraining) -> ChartTable | None:
    """The cells of a heat map: a row a meta-step, a column an inner step."""
    if not len(found.steps):
        return None
    places = kept_columns(found)
    shown = places[-MOST_ROWS:]
    rows = tuple(
        (
            f"{found.steps[place]:,}",
            *(
                str(measured(mean, half, found.metric))
                for mean, half in zip(found.mean[place], found.half_width[place], strict=True)
            ),
            int(found.counts[place].max()),
        )
        for place in shown
    )
    steps = (f"{found.axis.title} {step}" for step in range(found.mean.shape[1]))
    left_out = len(found.steps) - len(shown)
    return ChartTable(("meta-step", *steps, "N"), rows, left_out, INTERVAL)


def gap_table(gaps: list[Gap]) -> ChartTable | None:
    """Every gap with its interval."""
    rows = [
        (gap.name, f"{step:,}", *texts)
        for gap in gaps
        for step, texts in zip(gap.steps.tolist(), gap_texts(gap), strict=True)
    ]
    if not rows:
        return None
    columns = ("split", "meta-step", "less train", "N", "N of train")
    left_out = max(0, len(rows) - MOST_ROWS)
    return ChartTable(columns, tuple(rows[-MOST_ROWS:]), left_out, WELCH)
