"""A report by its link: for guests, who see it and the data of its panels, and nothing else."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.middleware import status_of, wants_json
from dashboard.reports.shown import shown
from dashboard.views import report_parts
from experiments import reports
from experiments.errors import DomainError, NotFound
from experiments.models import ReportLink

P = ParamSpec("P")


def _by_link(
    view: Callable[Concatenate[HttpRequest, ReportLink, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Finds the link of the address; one that is over answers 410 and tells nothing."""

    @never_cache
    @login_not_required
    @require_safe
    @wraps(view)
    def found(request: HttpRequest, secret: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            link = reports.find_shared(secret)
        except NotFound as error:
            return render(request, "dashboard/reports/over.html", {"error": error}, status=410)
        try:
            answer = view(request, link, *args, **kwargs)
        except DomainError as error:
            if wants_json(request):
                raise
            context = {"error": error, "is_open": True}
            return render(request, "dashboard/reports/over.html", context, status=status_of(error))
        answer["X-Robots-Tag"] = "noindex"
        return answer

    return found


@_by_link
def page(request: HttpRequest, link: ReportLink) -> HttpResponse:
    """The report as it stands now."""
    report = link.report
    assert request.resolver_match is not None
    secret = request.resolver_match.kwargs["secret"]

    def live(place: int) -> str:
        return reverse("shared_panel", args=[secret, place])

    context = {
        "report": report,
        "link": link,
        "secret": secret,
        "guest": True,
        "shown": shown(report.project, report.text, live=live),
    }
    return render(request, "dashboard/reports/shared.html", context)


@_by_link
def panel(request: HttpRequest, link: ReportLink, place: int) -> HttpResponse:
    """The figure of a panel of the report."""
    return report_parts.panel_answer(request, link.report, place)


@_by_link
def picture(request: HttpRequest, link: ReportLink, place: int) -> HttpResponse:
    """The picture of a panel of the report."""
    return report_parts.picture_answer(link.report, place)


@_by_link
def export_html(request: HttpRequest, link: ReportLink) -> HttpResponse:
    """The report in one file."""
    return report_parts.html_answer(link.report)


@_by_link
def export_pdf(request: HttpRequest, link: ReportLink) -> HttpResponse:
    """The report on paper."""
    return report_parts.pdf_answer(link.report)
