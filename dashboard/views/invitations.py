"""Invitations: an admin makes and revokes links; whoever opens one becomes a member."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.requests import SignedIn
from dashboard.views.members import administered, members_context
from dashboard.views.sign_in import SESSION_BACKEND
from experiments import access, audit
from experiments.errors import DomainError, Invalid, NotFound
from experiments.models import Role, User
from experiments.models.audit import Action


@never_cache
@require_POST
def invite(request: SignedIn, workspace: str) -> HttpResponse:
    """Makes an invitation and shows its link this once, on the page of the members."""
    found = administered(request, workspace)
    role, days = request.POST.get("role", ""), request.POST.get("days", "")
    if role not in Role.values or not (days.isascii() and days.isdigit() and len(days) < 4):
        problem = "Choose a role and a time of the lists."
        raise Invalid(problem, fields={"role": [problem]})
    _, secret = access.create_invitation(
        workspace=found,
        role=Role(role),
        user=request.user,
        days=int(days),
        note=request.POST.get("note", ""),
    )
    link = request.build_absolute_uri(f"/invitations/{secret}/")
    context = members_context(request, found) | {"link": link}
    return render(request, "dashboard/members.html", context)


@require_POST
def revoke(request: SignedIn, workspace: str, invitation_id: int) -> HttpResponse:
    """Makes a link useless at once."""
    found = administered(request, workspace)
    invitation = found.invitations.select_related("workspace").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound("There is no such invitation to this workspace.")
    access.revoke_invitation(invitation)
    messages.success(request, "The invitation is revoked: its link opens nothing any more.")
    return redirect("members", workspace)


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Says who invites to what; a POST joins, as the signed-in reader or with a new account."""
    context: dict[str, object] = {"values": request.POST, "errors": {}}
    try:
        context["invitation"] = access.find_invitation(secret)
        if request.method == "POST":
            return _join(request, secret)
    except NotFound as error:
        return render(request, "dashboard/invitation_over.html", {"error": error}, status=410)
    except DomainError as error:
        context |= {"errors": error.fields, "error": error}
    return render(
        request, "dashboard/invitation.html", context, status=400 if "error" in context else 200
    )


def _join(request: HttpRequest, secret: str) -> HttpResponse:
    if isinstance(request.user, User):
        membership = access.accept_invitation(secret, request.user)
        messages.success(request, f"You are a {membership.role} of {membership.workspace.slug}.")
        return redirect("home")
    user = access.register_invited(
        secret,
        username=request.POST.get("username", "").strip(),
        name=request.POST.get("name", ""),
        password=request.POST.get("password", ""),
    )
    login(request, user, backend=SESSION_BACKEND)
    audit.record(Action.SIGNED_IN, user.username, by="invitation")
    messages.success(request, f"Welcome, {user.username}.")
    return redirect("home")
