"""Reports of a project: list, read, write, older versions, links for guests."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.paging import Page
from dashboard.reports.shown import shown
from dashboard.requests import SignedIn
from dashboard.scope import may_edit, number_in, project_of
from dashboard.views import report_parts
from experiments import access, reports
from experiments.errors import Conflict, DomainError, Invalid, NotFound
from experiments.models import Project, Report, Role

LIFETIMES = ((7, "a week"), (1, "a day"), (30, "30 days"), (90, "90 days"), (365, "a year"))
MOST_VERSIONS = 100  # shown, the newest


def _visible(request: SignedIn) -> QuerySet[Report]:
    projects = Project.objects.visible_to(request.user)
    rows = Report.objects.filter(project__in=projects)
    return rows.select_related("project__workspace", "created_by", "changed_by")


def report_of(request: SignedIn, report_id: int) -> Report:
    """The report at /reports/<id>/. Raises NotFound, also for strangers."""
    found = _visible(request).filter(pk=report_id).first()
    if found is None:
        raise NotFound(f"There is no report {report_id}, or it is not yours to see.")
    return found


def _editable(request: SignedIn, report_id: int) -> Report:
    report = report_of(request, report_id)
    access.require(request.user, report.project, Role.MEMBER)
    return report


@require_safe
def listed(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Those of a project, the latest changed first."""
    found = project_of(request, workspace, project)
    rows = found.reports.select_related("changed_by").defer("text").order_by("-changed_at", "-pk")
    context = {
        "project": found,
        "page": Page.of(request, rows),
        "editable": may_edit(request.user, found),
    }
    return render(request, "dashboard/reports/list.html", context)


@require_safe
def page(request: SignedIn, report_id: int) -> HttpResponse:
    """The report as it stands; `?version=` shows what it said once."""
    report = report_of(request, report_id)
    role = access.role_in(request.user, report.project)
    number = number_in(request, "version", default=0, least=1, most=2**31 - 1)
    old = reports.version_of(report, number) if number and number != report.version else None
    live = None if old else lambda place: reverse("report_panel", args=[report.pk, place])
    context = {
        "report": report,
        "project": report.project,
        "old": old,
        "shown": shown(report.project, (old or report).text, live=live),
        "versions": report.versions.select_related("written_by")
        .defer("text")
        .order_by("-number")[:MOST_VERSIONS],
        "editable": role is not None and role.allows(Role.MEMBER),
        "removable": reports.may_remove(report, request.user, role),
        **_links(report, role),
    }
    return render(request, "dashboard/reports/page.html", context)


def _links(report: Report, role: Role | None) -> dict[str, Any]:
    if role is None or not role.allows(Role.MEMBER):
        return {}
    rows = reports.open_links(report).select_related("created_by").order_by("-pk")
    return {"links": rows, "lifetimes": LIFETIMES}


@require_http_methods(["GET", "POST"])
def new(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """The form of a report that there is not yet; a POST makes it, or shows how it would look."""
    found = project_of(request, workspace, project)
    access.require(request.user, found, Role.MEMBER)
    written = _written(request)
    context: dict[str, Any] = {"project": found, "written": written}
    if request.method == "POST" and "preview" not in request.POST:
        try:
            report = reports.create(found, user=request.user, **written)
        except DomainError as error:
            return _refused(request, context, error)
        messages.success(request, "The report is saved.")
        return redirect("report", report.pk)
    return _form(request, context)


@require_http_methods(["GET", "POST"])
def edit(request: SignedIn, report_id: int) -> HttpResponse:
    """The form of a report; `?version=` fills it with what the report said once."""
    report = _editable(request, report_id)
    context: dict[str, Any] = {"project": report.project, "report": report}
    if request.method == "POST":
        context["version"] = _version(request)
        context["written"] = _written(request)
        if "preview" in request.POST:
            return _form(request, context)
        try:
            reports.edit(report, user=request.user, version=context["version"], **_written(request))
        except Conflict as error:
            report.refresh_from_db()
            # Saved again, it is written upon what its author now sees beside it.
            context |= {"version": report.version, "theirs": report.text}
            return _refused(request, context, error, status=409)
        except DomainError as error:
            return _refused(request, context, error)
        messages.success(request, "The report is saved.")
        return redirect("report", report.pk)
    number = number_in(request, "version", default=report.version, least=1, most=2**31 - 1)
    source = reports.version_of(report, number)
    context |= {
        "version": report.version,
        "written": {"title": source.title, "text": source.text},
    }
    return _form(request, context)


def _written(request: SignedIn) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in ("title", "text")}


def _version(request: SignedIn) -> int:
    text = request.POST.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        problem = "Reload the page."
        raise Invalid(f"version: {problem}", fields={"version": [problem]})
    return int(text)


def _form(request: SignedIn, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    if request.method == "POST":
        context["shown"] = shown(context["project"], context["written"]["text"])
    return render(request, "dashboard/reports/edit.html", context, status=status)


def _refused(
    request: SignedIn, context: dict[str, Any], error: DomainError, *, status: int = 400
) -> HttpResponse:
    context |= {"error": error, "errors": error.fields}
    return render(request, "dashboard/reports/edit.html", context, status=status)


@require_POST
def remove(request: SignedIn, report_id: int) -> HttpResponse:
    """For good, with its versions and links."""
    report = _editable(request, report_id)
    role = access.require(request.user, report.project, Role.MEMBER)
    place = report.project
    reports.remove(report, user=request.user, role=role)
    messages.success(request, f"The report “{report.title}” is removed.")
    return redirect("reports", place.workspace.slug, place.slug)


@never_cache
@require_POST
def share(request: SignedIn, report_id: int) -> HttpResponse:
    """Makes a link and shows its address this once."""
    report = _editable(request, report_id)
    days = request.POST.get("days", "")
    if days not in {str(number) for number, _ in LIFETIMES}:
        problem = "Choose a time of the list."
        raise Invalid(problem, fields={"days": [problem]})
    _, secret = reports.share(
        report, user=request.user, days=int(days), note=request.POST.get("note", "")
    )
    address = request.build_absolute_uri(reverse("shared", args=[secret]))
    context = {"report": report, "project": report.project, "address": address}
    return render(request, "dashboard/reports/shared_link.html", context)


@require_POST
def unshare(request: SignedIn, report_id: int, link_id: int) -> HttpResponse:
    """Makes a link useless at once."""
    report = _editable(request, report_id)
    link = report.links.select_related("report__project").filter(pk=link_id).first()
    if link is None:
        raise NotFound("There is no such link to this report.")
    reports.revoke_link(link)
    messages.success(request, "The link is revoked: it opens nothing any more.")
    return redirect("report", report.pk)


@require_safe
def panel(request: SignedIn, report_id: int, place: int) -> HttpResponse:
    """The figure of a panel."""
    return report_parts.panel_answer(request, report_of(request, report_id), place)


@require_safe
def picture(request: SignedIn, report_id: int, place: int) -> HttpResponse:
    """The picture of a panel."""
    return report_parts.picture_answer(report_of(request, report_id), place)


@require_safe
def export_html(request: SignedIn, report_id: int) -> HttpResponse:
    """The report in one file."""
    return report_parts.html_answer(report_of(request, report_id))


@require_safe
def export_pdf(request: SignedIn, report_id: int) -> HttpResponse:
    """The report on paper."""
    return report_parts.pdf_answer(report_of(request, report_id))
