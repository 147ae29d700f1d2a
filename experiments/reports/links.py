"""Links by which a guest reads one report, until they end or are revoked."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from experiments import audit
from experiments.access.secret import digest
from experiments.errors import Conflict, NotFound
from experiments.models import Report, ReportLink, User
from experiments.models.audit import Action
from experiments.problems import Problems

MOST_DAYS = 365
MOST_OPEN = 100  # of a report


@transaction.atomic
def share(report: Report, *, user: User, days: int, note: str = "") -> tuple[ReportLink, str]:
    """A link and the secret part of its address, /shared/<secret>/, shown only now.

    Raises Invalid, Conflict where too many are open.
    """
    problems = Problems()
    note = problems.text("note", note, most=120)
    if not 1 <= days <= MOST_DAYS:
        problems.add("days", f"Use a whole number from 1 to {MOST_DAYS}.")
    problems.check()
    if open_links(report).count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} links are open: revoke one first.", code="too_many")
    secret = secrets.token_urlsafe(32)
    link = ReportLink.objects.create(
        report=report,
        note=note,
        digest=digest(secret),
        created_by=user,
        expires_at=timezone.now() + timedelta(days=days),
    )
    link.refresh_from_db(fields=["created_at"])
    audit.record(Action.REPORT_SHARED, report.title, place=report.project, days=days, note=note)
    return link, secret


def open_links(report: Report) -> QuerySet[ReportLink]:
    """Those that still open the report."""
    return _open().filter(report=report)


def find_shared(secret: str) -> ReportLink:
    """The link of an address, with its report and project. Raises NotFound once it is over."""
    rows = _open().filter(digest=digest(secret), report__project__deleted_at=None)
    found = rows.select_related("report__project__workspace").first()
    if found is None:
        raise NotFound(
            "This link was revoked, or its time is over: ask for another.", code="link_over"
        )
    return found


@transaction.atomic
def revoke_link(link: ReportLink) -> bool:
    """Makes a link useless at once; False if it was revoked or over before."""
    if _open().filter(pk=link.pk).update(revoked_at=Now()) != 1:
        return False
    audit.record(
        Action.REPORT_LINK_REVOKED, link.report.title, place=link.report.project, note=link.note
    )
    return True


def _open() -> QuerySet[ReportLink]:
    return ReportLink.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
