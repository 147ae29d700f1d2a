"""Who may do what in one project: its members, and where a role differs from the workspace's."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.requests import SignedIn
from dashboard.scope import project_of
from experiments import access
from experiments.errors import Invalid, NotFound
from experiments.models import Membership, Project, ProjectRole, Role

CHOICES = (
    ("", "as in the workspace"),
    (ProjectRole.NONE, "none: shut out"),
    *((role.value, role.value) for role in Role),
)


@require_safe
def page(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Every member of the workspace with the role that counts here; admins can change it."""
    found = project_of(request, workspace, project)
    context = {
        "project": found,
        "rows": access.members_of_project(found),
        "choices": CHOICES,
        "is_admin": access.role_in(request.user, found) == Role.ADMIN,
    }
    return render(request, "dashboard/project_access.html", context)


@require_POST
def change(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Gives `username` the `role` here, or lets the workspace's count again."""
    found = project_of(request, workspace, project)
    access.require(request.user, found, Role.ADMIN)
    role = request.POST.get("role", "")
    if role not in dict(CHOICES):
        problem = "Choose a role of the list."
        raise Invalid(problem, fields={"role": [problem]})
    one = access.set_project_role(found, _member(request, found), role or None)
    said = f"is {one.role.value} here" if one.role else "is shut out of this project"
    messages.success(request, f"{one.username} {said}.")
    return redirect("project_access", workspace, project)


def _member(request: SignedIn, project: Project) -> Membership:
    rows = Membership.objects.filter(workspace=project.workspace_id).select_related("user")
    found = rows.filter(user__username=request.POST.get("username", "")).first()
    if found is None:
        raise NotFound("There is no such member in this workspace. Reload the page.")
    return found
