"""What members and guests alike get of a report: figures of its panels, files to take along."""

import re

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboard.chart_query import ChartQuery
from dashboard.reports import figures
from dashboard.reports.blocks import Panel
from dashboard.reports.pdf import pdf
from dashboard.reports.pieces import block_at
from dashboard.reports.shown import picture, shown
from dashboard.views.chart_answer import LegendEntry, chart_answer
from experiments.errors import NotFound
from experiments.models import Report

LISTED_LINES = 20
# A file that is opened from a disk may fetch nothing and run nothing.
EXPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def panel_of(report: Report, place: int) -> Panel:
    """The panel that is block number `place`. Raises NotFound."""
    block = block_at(report.text, place)
    if not isinstance(block, Panel):
        raise NotFound("This report has no such panel any more. Reload the page.")
    return block


def panel_answer(request: HttpRequest, report: Report, place: int) -> HttpResponse:
    """The figure of a panel. A reader chooses axis, zoom and smoothing, and no runs or metric."""
    panel = panel_of(report, place)
    found = figures.drawn(report.project, panel, ChartQuery.of(request))
    legend = [LegendEntry(c.name, f"var(--{c.color})", c.dash) for c in found.curves[:LISTED_LINES]]
    return chart_answer(
        found.figure,
        empty=found.empty or None,
        live=found.is_live,
        note=found.note,
        legend=legend,
    )


def picture_answer(report: Report, place: int) -> HttpResponse:
    """The same as a picture, for browsers without scripts."""
    panel = panel_of(report, place)
    found = figures.drawn(report.project, panel)
    if found.empty:
        raise NotFound(found.empty)
    answer = HttpResponse(picture(found, panel.title), content_type="image/svg+xml")
    answer["Content-Security-Policy"] = EXPORT_POLICY
    return answer


def html_answer(report: Report) -> HttpResponse:
    """The report in one file that needs nothing else."""
    context = {"report": report, "shown": shown(report.project, report.text)}
    text = render_to_string("dashboard/reports/export.html", context)
    return _download(text.encode(), "text/html; charset=utf-8", f"{_name(report)}.html")


def pdf_answer(report: Report) -> HttpResponse:
    """The report on paper."""
    return _download(pdf(report), "application/pdf", f"{_name(report)}.pdf")


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Content-Security-Policy"] = EXPORT_POLICY
    return answer


def _name(report: Report) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "-", report.title).strip("-")[:60]
    return words or f"report-{report.pk}"
