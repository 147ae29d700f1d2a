"""Saving the run table as it stands under a name, and removing such a view."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.requests import SignedIn
from dashboard.scope import project_of
from experiments import access, saved_views
from experiments.errors import DomainError, NotFound
from experiments.models import Role


@require_POST
def save(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Back to the table as it was, with what became of the view said on top."""
    found = project_of(request, workspace, project)
    role = access.require(request.user, found, Role.MEMBER)
    query = request.POST.get("query", "")
    try:
        view, is_new = saved_views.save(
            found,
            user=request.user,
            role=role,
            name=request.POST.get("name", ""),
            query=query,
        )
    except DomainError as error:
        messages.error(request, error.message)
    else:
        done = "saved for all who see this project" if is_new else "replaced"
        messages.success(request, f"The view “{view.name}” is {done}.")
    return redirect(f"{reverse('project', args=[workspace, project])}?{query.removeprefix('?')}")


@require_POST
def remove(request: SignedIn, workspace: str, project: str, view_id: int) -> HttpResponse:
    found = project_of(request, workspace, project)
    view = found.saved_views.select_related("project").filter(pk=view_id).first()
    if view is None:
        raise NotFound("There is no such view any more. Reload the page.")
    role = access.require(request.user, found, Role.MEMBER)
    saved_views.remove(view, user=request.user, role=role)
    messages.success(request, f"The view “{view.name}” is removed.")
    return redirect("project", workspace, project)
