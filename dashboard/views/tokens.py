"""API tokens of the signed-in person: make, see once, revoke."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.requests import SignedIn
from experiments import access
from experiments.errors import DomainError, Invalid, NotFound
from experiments.models import ApiToken, Scope, Workspace

LONGEST_NAME = 120
SCOPES = (
    (Scope.WRITE, "log and submit"),
    (Scope.READ, "read only"),
    (Scope.ADMIN, "all that I may"),
)
LIFETIMES = (("90", "in 90 days"), ("30", "in 30 days"), ("365", "in a year"), ("", "when revoked"))


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: SignedIn) -> HttpResponse:
    """The list and the form; a POST makes a token and shows its secret this once."""
    context: dict[str, object] = {"secret": None, "errors": {}, "values": request.POST}
    status = 200
    if request.method == "POST":
        try:
            context["secret"] = _create(request)
            context["values"] = {}
        except DomainError as error:
            context["errors"] = error.fields
            status = 400
    context["tokens"] = (
        ApiToken.objects.filter(user=request.user, revoked_at=None)
        .select_related("workspace")
        .order_by("-id")
    )
    context |= {"scopes": SCOPES, "lifetimes": LIFETIMES}
    context["workspaces"] = access.workspaces_of(request.user).order_by("slug")
    return render(request, "dashboard/tokens.html", context, status=status)


def _create(request: SignedIn) -> str:
    name = request.POST.get("name", "").strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        problem = f"Give it a name of 1 to {LONGEST_NAME} characters, such as where it is used."
        raise Invalid(problem, fields={"name": [problem]})
    slug = request.POST.get("workspace", "")
    workspace: Workspace | None = None
    if slug:
        workspace = access.workspaces_of(request.user).filter(slug=slug).first()
        if workspace is None:
            raise Invalid("Choose a workspace of the list.", fields={"workspace": ["Not found."]})
    _, secret = access.create_token(
        user=request.user,
        name=name,
        workspace=workspace,
        scope=_scope(request.POST.get("scope", Scope.ADMIN)),
        expires_at=_end(request.POST.get("days", "")),
    )
    return secret


def _scope(text: str) -> Scope:
    if text not in Scope.values:
        raise Invalid("Choose what it may do.", fields={"scope": ["Choose one of the list."]})
    return Scope(text)


def _end(days: str) -> datetime | None:
    if days not in dict(LIFETIMES):
        raise Invalid("Choose when it ends.", fields={"days": ["Choose one of the list."]})
    return timezone.now() + timedelta(days=int(days)) if days else None


@require_POST
def revoke(request: SignedIn, token_id: int) -> HttpResponse:
    """Makes one of my tokens useless at once."""
    token = ApiToken.objects.filter(user=request.user, pk=token_id).first()
    if token is None:
        raise NotFound("There is no such token among yours.")
    access.revoke_token(token)
    messages.success(request, f"The token {token.name} is revoked: it opens nothing any more.")
    return redirect("tokens")
