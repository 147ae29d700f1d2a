"""/reports/: markdown pages of projects, their versions, and links that show them to guests."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import reports
from experiments.api.auth import SIGNED_IN, acting_role, visible_projects
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, Text, Whole
from experiments.api.idempotency import idempotent
from experiments.api.views import ApiView, BodyProjectView, find_project, or_not_found
from experiments.models import Project, Report, ReportLink, ReportVersion, Role


def _name(user: Any) -> str | None:
    return user.username if user is not None else None


class ReportOutput(Output):
    id = serializers.IntegerField()
    project = serializers.SerializerMethodField()
    title = serializers.CharField()
    version = serializers.IntegerField(help_text="Send it back with a change.")
    created_by = serializers.SerializerMethodField()
    changed_by = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()

    def get_project(self, report: Report) -> str:
        return f"{report.project.workspace.slug}/{report.project.slug}"

    def get_created_by(self, report: Report) -> str | None:
        return _name(report.created_by)

    def get_changed_by(self, report: Report) -> str | None:
        return _name(report.changed_by)


class ReportDetailOutput(ReportOutput):
    text = serializers.CharField(help_text="Markdown, with blocks as in docs/reports.md.")


class ReportInput(Input):
    project = Text(help_text="'slug' or 'workspace/slug'.")
    title = Text(max_length=reports.LONGEST_TITLE)
    text = Text(allow_blank=True, default="", max_length=reports.LONGEST_TEXT)


class ReportEdit(Input):
    version = Whole(
        min_value=1, max_value=2**31 - 2, help_text="The version that the change is written upon."
    )
    title = Text(required=False, max_length=reports.LONGEST_TITLE)
    text = Text(required=False, allow_blank=True, max_length=reports.LONGEST_TEXT)


class ReportVersionOutput(Output):
    number = serializers.IntegerField()
    title = serializers.CharField()
    written_by = serializers.SerializerMethodField()
    written_at = serializers.DateTimeField()

    def get_written_by(self, version: ReportVersion) -> str | None:
        return _name(version.written_by)


class ReportVersionDetailOutput(ReportVersionOutput):
    text = serializers.CharField()


class ReportLinkOutput(Output):
    id = serializers.IntegerField()
    note = serializers.CharField()
    created_by = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_created_by(self, link: ReportLink) -> str | None:
        return _name(link.created_by)


class NewReportLinkOutput(ReportLinkOutput):
    url = serializers.CharField(allow_null=True, help_text="Shown only now.")


class ReportLinkInput(Input):
    days = Whole(min_value=1, max_value=reports.MOST_DAYS, default=7)
    note = Text(allow_blank=True, default="", max_length=120, help_text="Whom it is for.")


EXAMPLE = {
    "id": 4,
    "project": "lab/sinusoid",
    "title": "One step is enough",
    "version": 2,
    "created_by": "ada",
    "changed_by": "grace",
    "created_at": "2026-11-24T09:00:00Z",
    "changed_at": "2026-11-24T10:00:00Z",
}
TEXT = "MAML learns in one step.\n\n```metascope-panel\nruns: tags = paper\nmetric: loss\n```\n"
DETAIL = {**EXAMPLE, "text": TEXT}
VERSION = {
    "number": 1,
    "title": "One step is enough",
    "written_by": "ada",
    "written_at": "2026-11-24T09:00:00Z",
}
LINK = {
    "id": 1,
    "note": "reviewers",
    "created_by": "ada",
    "created_at": "2026-11-24T09:00:00Z",
    "expires_at": "2026-12-01T09:00:00Z",
}
NEW_LINK = {**LINK, "url": "https://lab.example/shared/3q2-7w.../"}


def _rows() -> QuerySet[Report]:
    return Report.objects.select_related("project__workspace", "created_by", "changed_by")


class Reports(BodyProjectView):
    needed = {"GET": SIGNED_IN, "POST": Role.MEMBER}

    @documented(
        "reports_list",
        "List reports, newest first",
        answer=ReportOutput,
        example=EXAMPLE,
        paged=True,
        query=[("project", str, "'slug' or 'workspace/slug'.")],
    )
    def get(self, request: Request) -> Response:
        projects = visible_projects(request).filter(deleted_at=None)
        rows = _rows().defer("text").filter(project__in=projects)
        if name := request.query_params.get("project"):
            rows = rows.filter(project=find_project(request, name))
        return self.pages.page(
            request, rows, by="-id", show=lambda some: ReportOutput(some, many=True).data
        )

    @documented(
        "reports_create",
        "Write a report",
        answer=ReportDetailOutput,
        example=DETAIL,
        status=201,
        body=ReportInput,
        body_example={"project": "lab/sinusoid", "title": EXAMPLE["title"], "text": TEXT},
        errors=(409,),
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        told = self.read(ReportInput)
        del told["project"]
        report = reports.create(self.project, user=self.caller, **told)
        return Response(ReportDetailOutput(report).data, status=201)


class ReportView(ApiView):
    """Below /reports/<report_id>/."""

    @property
    def report(self) -> Report:
        if not hasattr(self, "_report"):
            projects = visible_projects(self.request).filter(deleted_at=None)
            rows = _rows().filter(project__in=projects, pk=self.kwargs["report_id"])
            self._report = or_not_found(rows.first())
        return self._report

    def find_place(self) -> Project:
        return self.report.project


class ReportDetail(ReportView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented("reports_get", "One report", answer=ReportDetailOutput, example=DETAIL)
    def get(self, request: Request, report_id: int) -> Response:
        return Response(ReportDetailOutput(self.report).data)

    @documented(
        "reports_edit",
        "Write the next version of a report",
        description="Upon `version`, the one that was read: 409 report_changed if somebody has "
        "written another meanwhile. What was overwritten stays a version.",
        answer=ReportDetailOutput,
        example=DETAIL,
        body=ReportEdit,
        body_example={"version": 1, "text": TEXT},
        errors=(409,),
    )
    def patch(self, request: Request, report_id: int) -> Response:
        told = self.read(ReportEdit)
        return Response(
            ReportDetailOutput(reports.edit(self.report, user=self.caller, **told)).data
        )

    @documented(
        "reports_remove",
        "Remove a report with its versions and links",
        description="Who wrote it first does, and admins of the project.",
        answer=None,
        status=204,
    )
    def delete(self, request: Request, report_id: int) -> Response:
        role = acting_role(request, self.report.project, Role.MEMBER)
        reports.remove(self.report, user=self.caller, role=role)
        return Response(status=204)


class ReportVersions(ReportView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "reports_versions",
        "List the versions of a report, newest first",
        answer=ReportVersionOutput,
        example=VERSION,
        paged=True,
    )
    def get(self, request: Request, report_id: int) -> Response:
        rows = self.report.versions.select_related("written_by").defer("text")
        return self.pages.page(
            request, rows, by="-id", show=lambda some: ReportVersionOutput(some, many=True).data
        )


class OneReportVersion(ReportView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "reports_version",
        "What a report said once",
        answer=ReportVersionDetailOutput,
        example={**VERSION, "text": TEXT},
    )
    def get(self, request: Request, report_id: int, number: int) -> Response:
        return Response(ReportVersionDetailOutput(reports.version_of(self.report, number)).data)


class ReportLinks(ReportView):
    needed = {"GET": Role.MEMBER, "POST": Role.MEMBER}

    @documented(
        "reports_links",
        "List the open links of a report",
        answer=ReportLinkOutput,
        example=LINK,
        paged=True,
    )
    def get(self, request: Request, report_id: int) -> Response:
        rows = reports.open_links(self.report).select_related("created_by")
        return self.pages.page(
            request, rows, by="-id", show=lambda some: ReportLinkOutput(some, many=True).data
        )

    @documented(
        "reports_share",
        "Make a link by which a guest reads the report",
        description="It shows the report and the data of its panels, and nothing else, until it "
        "ends or is revoked. Its address is shown only now.",
        answer=NewReportLinkOutput,
        example=NEW_LINK,
        status=201,
        body=ReportLinkInput,
        body_example={"days": 7, "note": "reviewers"},
        errors=(409,),
    )
    @idempotent(secret="url")
    def post(self, request: Request, report_id: int) -> Response:
        link, secret = reports.share(self.report, user=self.caller, **self.read(ReportLinkInput))
        url = request.build_absolute_uri(f"/shared/{secret}/")
        return Response({**ReportLinkOutput(link).data, "url": url}, status=201)


class OneReportLink(ReportView):
    needed = {"DELETE": Role.MEMBER}

    @documented("reports_unshare", "Revoke a link", answer=None, status=204)
    def delete(self, request: Request, report_id: int, link_id: int) -> Response:
        rows = self.report.links.select_related("report__project")
        reports.revoke_link(or_not_found(rows.filter(pk=link_id).first()))
        return Response(status=204)


_report = "reports/<int:report_id>/"
urlpatterns = [
    path("reports/", Reports.as_view()),
    path(_report, ReportDetail.as_view()),
    path(f"{_report}versions/", ReportVersions.as_view()),
    path(f"{_report}versions/<int:number>/", OneReportVersion.as_view()),
    path(f"{_report}links/", ReportLinks.as_view()),
    path(f"{_report}links/<int:link_id>/", OneReportLink.as_view()),
]
