"""Cells of a run table as markup: a page has thousands, more than a template renders in time."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dashboard.table_columns import Column
from dashboard.templatetags.formats import ago, duration, figures, whole
from experiments.models import RunStatus
from experiments.shapes import RunRow, SeriesSummary

REASON_SHOWN = 34
# What a cell holds (escaped unless it is markup), and its class: worse, muted or none.
Said = tuple[str, str]


def cells_of(row: RunRow, columns: Sequence[Column]) -> SafeString:
    """The cells of a row, in the order of the columns; each one can be refreshed by itself."""
    parts: list[str] = []
    for column in columns:
        text, css = _said(row, column)
        begin, end = _tag(column, css)
        # Whatever is not markup by now is escaped here; a run's id is letters and digits.
        parts += (begin, row.id, end, text if isinstance(text, SafeString) else escape(text))
        parts.append("</td>")
    return SafeString("".join(parts))


def begin_of(row: RunRow, href: str, depth: int) -> SafeString:
    """The row itself and, of its first two cells, all up to the end of the link on its name."""
    name = escape(row.name)
    inner = f' data-in style="--depth:{depth}"' if depth else ""
    return SafeString(
        f'<tr class="c{row.color_slot}"{inner} data-run="{row.id}" data-name="{name}" '
        f'data-href="{href}"><td class="sel"><input type="checkbox" aria-label="Select {name}">'
        '</td><th scope="row" class="pin"><span class="name"><span class="dot"></span>'
        f'<a href="{href}">{name}</a>'
    )


@lru_cache(maxsize=1024)
def _tag(column: Column, css: str) -> tuple[str, str]:
    """What stands before and after the run's id in a cell's tag: the same for a whole column."""
    css = f"n {css}".strip() if column.is_number else css
    begin = format_html('<td class="{}" data-live="', css) if css else '<td data-live="'
    return begin, format_html(' {}">', column.id)


def _said(row: RunRow, column: Column) -> Said:
    if column.kind == "metrics":
        return _metric(row.metrics, column)
    if column.kind == "params":
        return figures(row.params[column.key]) if column.key in row.params else "", ""
    return _ATTRIBUTES[column.id](row)


def _metric(metrics: Mapping[str, SeriesSummary], column: Column) -> Said:
    summary = metrics.get(column.key)
    if summary is None:
        return "–", "muted"
    if column.summary == "last":
        return figures(summary.last), "" if math.isfinite(summary.last) else "worse"
    is_min = column.summary == "min"
    value = summary.least if is_min else summary.most
    step = summary.least_step if is_min else summary.most_step
    if step is None:
        return figures(value), ""
    return format_html("{} <small>@{}</small>", figures(value), whole(step)), ""


def _status(row: RunRow) -> Said:
    pill = SafeString(f'<span class="pill {row.status}">{row.status}</span>')  # one of RunStatus
    if row.status == RunStatus.RUNNING and row.progress_total:
        done, total = whole(row.progress_step), whole(row.progress_total)
        return format_html('{} <small class="num">{} of {}</small>', pill, done, total), ""
    if row.status_reason:
        short = Truncator(row.status_reason).chars(REASON_SHOWN)
        return format_html('{} <small title="{}">{}</small>', pill, row.status_reason, short), ""
    return pill, ""


def _tags(row: RunRow) -> Said:
    return SafeString(" ".join(f'<span class="tag">{escape(tag)}</span>' for tag in row.tags)), ""


_ATTRIBUTES: Mapping[str, Callable[[RunRow], Said]] = {
    "status": _status,
    "tags": _tags,
    "seed": lambda row: ("" if row.seed is None else str(row.seed), ""),
    "group": lambda row: (row.group, ""),
    "created": lambda row: (ago(row.created_at), "muted"),
    "duration": lambda row: ("" if row.duration_s is None else duration(row.duration_s), ""),
}
