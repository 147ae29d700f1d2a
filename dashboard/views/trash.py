"""The trash: runs and projects go into it, wait there, come back, or are erased for good."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.paging import Page
from dashboard.requests import SignedIn
from dashboard.scope import editable_run, may_edit, project_of, run_of
from experiments import access, lifecycle
from experiments.errors import NotFound
from experiments.models import Role


@require_safe
def runs(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """The runs of a project that are in the trash, those deleted last first."""
    found = project_of(request, workspace, project)
    deleted = found.runs.without_documents().exclude(deleted_at=None)
    page = Page.of(request, deleted.select_related("created_by").order_by("-deleted_at", "-id"))
    context = {
        "project": found,
        "page": page,
        "rows": [(run, _erased_at(run.deleted_at)) for run in page.rows],
        "days": settings.TRASH_DAYS,
        "editable": may_edit(request.user, found),
        "is_admin": access.role_in(request.user, found) == Role.ADMIN,
    }
    return render(request, "dashboard/trash_runs.html", context)


def _erased_at(deleted_at: datetime | None) -> datetime | None:
    return deleted_at and deleted_at + timedelta(days=settings.TRASH_DAYS)


@require_POST
def delete(request: SignedIn, run_id: str) -> HttpResponse:
    """Moves a run to the trash; its page stays, with a way back."""
    run = lifecycle.trash(editable_run(request, run_id))
    return redirect("run", run.pk)


@require_POST
def restore(request: SignedIn, run_id: str) -> HttpResponse:
    """Takes a run out of the trash."""
    run = lifecycle.restore(editable_run(request, run_id))
    messages.success(request, f"{run.name} is back in the list of its project.")
    return redirect("run", run.pk)


@require_POST
def erase(request: SignedIn, run_id: str) -> HttpResponse:
    """Erases a run that is in the trash."""
    run = run_of(request, run_id)
    project = run.project
    access.require(request.user, project, Role.ADMIN)
    lifecycle.erase(run)
    messages.success(request, f"{run.name} is erased.")
    if project.deleted_at is not None:
        return redirect("trash")
    return redirect("project_trash", project.workspace.slug, project.slug)


@require_safe
def projects(request: SignedIn) -> HttpResponse:
    """The projects that the reader may see and that are in the trash."""
    mine = access.projects_of(request.user)
    deleted = mine.exclude(deleted_at=None).select_related("workspace")
    page = Page.of(request, deleted.order_by("-deleted_at", "-id"))
    admin_in = set(access.projects_of(request.user, Role.ADMIN).values_list("pk", flat=True))
    context = {
        "page": page,
        "rows": [(one, one.runs.count(), _erased_at(one.deleted_at)) for one in page.rows],
        "admin_in": admin_in,
        "days": settings.TRASH_DAYS,
    }
    return render(request, "dashboard/trash_projects.html", context)


@require_POST
def delete_project(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Moves a project to the trash, with its runs."""
    found = project_of(request, workspace, project)
    access.require(request.user, found, Role.ADMIN)
    lifecycle.trash_project(found)
    messages.success(request, f"{found.slug} is in the trash, with its runs.")
    return redirect("trash")


@require_POST
def restore_project(request: SignedIn, project_id: int) -> HttpResponse:
    """Takes a project out of the trash, with its runs."""
    mine = access.projects_of(request.user)
    found = mine.select_related("workspace").filter(pk=project_id).first()
    if found is None:
        raise NotFound("There is no such project, or it is not yours to see.")
    access.require(request.user, found, Role.ADMIN)
    lifecycle.restore_project(found)
    messages.success(request, f"{found.slug} is back, with its runs.")
    return redirect("project", found.workspace.slug, found.slug)
