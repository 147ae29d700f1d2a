"""Writing a report: every state is kept, and nobody overwrites what they have not read."""

from django.db import transaction
from django.db.models.functions import Now

from experiments import audit
from experiments.errors import Conflict, Denied, NotFound
from experiments.models import Project, Report, ReportVersion, Role, User
from experiments.models.audit import Action
from experiments.problems import Problems

LONGEST_TITLE = 200
LONGEST_TEXT = 100_000
MOST = 1_000  # of a project


@transaction.atomic
def create(project: Project, *, user: User, title: str, text: str = "") -> Report:
    """A new report, in its first version. Raises Invalid, Conflict where there are too many."""
    title, text = _checked(title, text)
    if project.reports.count() >= MOST:
        raise Conflict(f"This project has {MOST:,} reports: remove one first.", code="too_many")
    report = Report.objects.create(
        project=project, title=title, text=text, created_by=user, changed_by=user
    )
    _keep(report, user)
    report.refresh_from_db(fields=["created_at", "changed_at"])
    return report


@transaction.atomic
def edit(
    report: Report, *, user: User, version: int, title: str | None = None, text: str | None = None
) -> Report:
    """Writes the next version upon `version`, the one that its author has read.

    Raises Conflict if it is not the newest any more: somebody else has written meanwhile. What
    would change nothing makes no version.
    """
    new_title, new_text = _checked(
        report.title if title is None else title, report.text if text is None else text
    )
    # One conditional UPDATE: of two that were written upon the same version, one finds no row.
    changed = Report.objects.filter(pk=report.pk, version=version)
    if (new_title, new_text) == (report.title, report.text) and report.version == version:
        return report
    if not changed.update(
        title=new_title,
        text=new_text,
        version=version + 1,
        changed_by=user,
        changed_at=Now(),
    ):
        raise _overtaken(report)
    report.refresh_from_db()
    _keep(report, user)
    return report


def _overtaken(report: Report) -> Conflict:
    found = Report.objects.select_related("changed_by").filter(pk=report.pk).first()
    if found is None:
        return Conflict("The report was removed meanwhile.", code="report_removed")
    by = found.changed_by.username if found.changed_by else "somebody who left"
    problem = f"Version {found.version} is the newest, written by {by}: read it, then write upon it"
    return Conflict(
        f"{by} has changed this report meanwhile; it is at version {found.version}.",
        code="report_changed",
        fields={"version": [f"{problem}."]},
    )


def _keep(report: Report, user: User) -> None:
    ReportVersion.objects.create(
        report=report,
        number=report.version,
        title=report.title,
        text=report.text,
        written_by=user,
    )


def version_of(report: Report, number: int) -> ReportVersion:
    """What the report said once. Raises NotFound."""
    found = report.versions.select_related("written_by").filter(number=number).first()
    if found is None:
        raise NotFound(f"This report has no version {number}.")
    return found


@transaction.atomic
def remove(report: Report, *, user: User, role: Role) -> None:
    """Removes a report with its versions and links. Raises Denied unless `may_remove`."""
    if not may_remove(report, user, role):
        raise Denied("Only who wrote a report first, and admins, remove it.")
    audit.record(Action.REPORT_REMOVED, report.title, place=report.project, version=report.version)
    report.delete()


def may_remove(report: Report, user: User, role: Role | None) -> bool:
    """Whether a user of this role in the project may remove the report."""
    if role is None or not role.allows(Role.MEMBER):
        return False
    return role == Role.ADMIN or report.created_by_id == user.pk


def _checked(title: str, text: str) -> tuple[str, str]:
    problems = Problems()
    title = problems.text("title", title, least=1, most=LONGEST_TITLE)
    text = problems.text("text", text.replace("\r\n", "\n"), most=LONGEST_TEXT, lines=True)
    problems.check()
    return title, text
