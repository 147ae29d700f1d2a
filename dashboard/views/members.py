"""A workspace: its members, their roles, and who was invited."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.requests import SignedIn
from dashboard.scope import workspace_of
from experiments import access
from experiments.errors import Invalid, NotFound
from experiments.models import Membership, Role, Workspace

LIFETIMES = ((7, "a week"), (1, "a day"), (30, "30 days"))


@require_safe
def workspaces(request: SignedIn) -> HttpResponse:
    """To the reader's workspace; a list where there are several."""
    mine = Membership.objects.filter(user=request.user).select_related("workspace")
    rows = list(mine.order_by("workspace__slug"))
    if len(rows) == 1:
        return redirect("members", rows[0].workspace.slug)
    return render(request, "dashboard/workspaces.html", {"rows": rows})


@require_safe
def page(request: SignedIn, workspace: str) -> HttpResponse:
    """Everybody with their role; admins change it."""
    found = workspace_of(request, workspace)
    return render(request, "dashboard/members.html", members_context(request, found))


def members_context(request: SignedIn, workspace: Workspace) -> dict[str, Any]:
    """Everything the page's template needs; open invitations are for admins to see."""
    is_admin = access.role_in(request.user, workspace) == Role.ADMIN
    invited = access.open_invitations(workspace).select_related("invited_by").order_by("-id")
    return {
        "workspace": workspace,
        "members": workspace.memberships.select_related("user").order_by("user__username"),
        "roles": list(Role),
        "lifetimes": LIFETIMES,
        "is_admin": is_admin,
        "invitations": invited if is_admin else (),
    }


@require_POST
def change(request: SignedIn, workspace: str) -> HttpResponse:
    """Gives `username` the `role`."""
    member = _member(request, administered(request, workspace))
    role = request.POST.get("role", "")
    if role not in Role.values:
        problem = "Choose a role of the list."
        raise Invalid(problem, fields={"role": [problem]})
    access.change_role(member, role=Role(role))
    messages.success(request, f"{member.user.username} is {role} now.")
    return redirect("members", workspace)


@require_POST
def remove(request: SignedIn, workspace: str) -> HttpResponse:
    """Ends the membership of `username`."""
    member = _member(request, administered(request, workspace))
    access.remove_member(member)
    messages.success(request, f"{member.user.username} is no member any more.")
    if member.user == request.user:
        return redirect("workspaces")
    return redirect("members", workspace)


def administered(request: SignedIn, slug: str) -> Workspace:
    """The workspace, for its admins. Raises NotFound to strangers, Denied to others."""
    found = workspace_of(request, slug)
    access.require(request.user, found, Role.ADMIN)
    return found


def _member(request: SignedIn, workspace: Workspace) -> Membership:
    rows = Membership.objects.filter(workspace=workspace).select_related("user", "workspace")
    found = rows.filter(user__username=request.POST.get("username", "")).first()
    if found is None:
        raise NotFound("There is no such member in this workspace. Reload the page.")
    return found
