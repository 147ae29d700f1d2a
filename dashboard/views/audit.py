"""The audit log of a workspace, for its admins: filtered, page by page."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.timezone import make_aware
from django.views.decorators.http import require_safe

from dashboard.paging import Page
from dashboard.requests import SignedIn
from dashboard.scope import workspace_of
from experiments import access, audit
from experiments.errors import Invalid
from experiments.models import AuditEntry, Role
from experiments.models.audit import Action

LONGEST_NAME = 150


@require_safe
def page(request: SignedIn, workspace: str) -> HttpResponse:
    """What was done, the newest first; `?action=`, `?actor=`, `?from=` and `?to=` narrow it."""
    found = workspace_of(request, workspace)
    access.require(request.user, found, Role.ADMIN)
    asked = {name: request.GET.get(name, "").strip() for name in ("action", "actor", "from", "to")}
    context: dict[str, Any] = {
        "workspace": found,
        "page": Page.of(request, _filtered(audit.entries_of(found), asked).order_by("-id")),
        "actions": sorted(Action),
        "asked": asked,
        "is_narrowed": any(asked.values()),
    }
    return render(request, "dashboard/audit.html", context)


def _filtered(rows: QuerySet[AuditEntry], asked: dict[str, str]) -> QuerySet[AuditEntry]:
    if asked["action"]:
        rows = rows.filter(action=asked["action"])
    if asked["actor"]:
        rows = rows.filter(actor=asked["actor"][:LONGEST_NAME])
    if asked["from"]:
        rows = rows.filter(at__gte=make_aware(_day("from", asked["from"])))
    if asked["to"]:
        rows = rows.filter(at__lt=make_aware(_day("to", asked["to"]) + timedelta(days=1)))
    return rows


def _day(name: str, text: str) -> datetime:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        problem = "Use a day such as 2026-11-23."
        raise Invalid(f"{name}: {problem}", fields={name: [problem]})
    return datetime.combine(day, time())
