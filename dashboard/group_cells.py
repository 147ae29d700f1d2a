"""Cells of a group of runs in the run table: means with their deviation and N, and what the runs
of the group have in common."""

import json
from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.baseline import Baseline
from dashboard.measured import measured
from dashboard.table_columns import Column
from dashboard.templatetags.formats import figures, whole
from experiments.shapes import RunGroup, Spread

HELD = ("seed", "group", "status")  # attributes that a group has a cell for


def has_cell(column: Column) -> bool:
    """Whether groups say something in a column."""
    return column.kind != "attribute" or column.id in HELD


def cells_of_group(
    group: RunGroup, columns: Sequence[Column], baseline: Baseline | None
) -> SafeString:
    """The cells of a group, in the order of the columns; each one can be refreshed by itself."""
    return format_html_join(
        "",
        '<td class="{}" data-live="{} {}">{}</td>',
        (
            ("n" if column.is_number else "", group.id, column.id, _said(group, column, baseline))
            for column in columns
        ),
    )


def _said(group: RunGroup, column: Column, baseline: Baseline | None) -> str:
    if column.kind == "metrics":
        spread = group.metrics[column.id]
        said = _mean(spread)
        delta = baseline.delta(column, spread.mean) if baseline else ""
        return format_html("{} {}", said, delta) if delta else said
    if column.id == "status":
        pills = ((status, whole(n), status) for status, n in group.statuses.items())
        return format_html_join(" ", '<span class="pill {}">{} {}</span>', pills)
    return _held(group.held[column.id])


def _mean(spread: Spread) -> SafeString:
    """ "0.42 ± 0.03 sd N=5", with how many more had no finite number."""
    odd = ""
    if spread.nonfinite:
        odd = format_html(
            ' <small class="worse" title="{} more without a finite number">+{} NaN</small>',
            spread.nonfinite,
            whole(spread.nonfinite),
        )
    if not spread.count:
        return format_html('<span class="muted">–</span>{}', odd)
    shown = measured(spread.mean, spread.sd)
    apart = format_html(' <span class="pm-s">± {} sd</span>', shown.half_width)
    return format_html(
        "{}{} <small>N={}</small>{}",
        shown.mean,
        apart if shown.half_width else "",
        whole(spread.count),
        odd,
    )


def _held(values: Sequence[str | None]) -> str:
    """The value that all runs of a group hold, or that it varies, with the first ones."""
    texts = ["none" if value is None else shown_value(value) for value in values]
    if len(values) == 1:
        return "" if values[0] is None else texts[0]
    return format_html(
        '<span class="muted" title="{}">varies</span>', ", ".join(text[:40] for text in texts)
    )


def shown_value(text: str) -> str:
    """A param's text as the table shows it: numbers to a few digits."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return figures(value) if is_number else text
