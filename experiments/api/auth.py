"""Who is calling, and whether the view may answer: bearer tokens, and refusal by default."""

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from experiments import access
from experiments.errors import NotFound
from experiments.models import ApiToken, Project, Role, Scope, User, Workspace
from experiments.models.projects import shut_from

if TYPE_CHECKING:  # DRF's views import the classes named in settings, this module's among them
    from rest_framework.views import APIView


class Anyone(Enum):
    """What a method may declare instead of a role."""

    SIGNED_IN = "signed in"  # the view shows each caller only what is theirs
    ACCOUNT = "account"  # it changes what is the caller's own: tokens, memberships


SIGNED_IN = Anyone.SIGNED_IN
ACCOUNT = Anyone.ACCOUNT
Needed = Mapping[str, Role | Anyone]


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer ms_...`. With that header, cookies are not looked at."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        found = access.user_for_token(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise exceptions.AuthenticationFailed()
        return found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="metascope"'


class WorkspaceRole(BasePermission):
    """Refuses everything that a view does not declare in its `needed`.

    `needed = {"GET": Role.VIEWER}` asks for a role in the workspace or project that the view's
    `find_place` returns; a stranger to it gets 404, a member of too low a role 403.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in view.allowed_methods or method == "OPTIONS":
            return True  # answered with 405 by the view
        needed: Needed = getattr(view, "needed", {})
        declared = needed.get(method)
        if isinstance(declared, Role):
            view.authorize(declared)  # type: ignore[attr-defined]
            return True
        if declared is ACCOUNT:
            check_scope(request, Role.ADMIN)
        return isinstance(declared, Anyone)


def caller(request: Request) -> User:
    """The signed-in user; only called behind the permission."""
    assert isinstance(request.user, User)
    return request.user


def visible_projects(request: Request, least: Role = Role.VIEWER) -> QuerySet[Project]:
    """The projects in which the caller has this role, within what the token is narrowed to."""
    projects = access.projects_of(caller(request), least)
    token: Any = request.auth
    if isinstance(token, ApiToken) and token.workspace_id is not None:
        return projects.filter(workspace=token.workspace_id)
    return projects


def seen(request: Request, project: str = "project") -> Q:
    """The condition on rows, of what is in projects that the caller sees; `project` leads there.

    By the workspace, unlike `visible_projects`: long lists are then read in their own order.
    """
    shut = shut_from(caller(request))
    workspaces = visible_workspaces(request)
    return Q(**{f"{project}__workspace__in": workspaces}) & ~Q(**{f"{project}__in": shut})


def visible_workspaces(request: Request) -> QuerySet[Workspace]:
    """The caller's workspaces; of a token narrowed to one workspace, that one."""
    workspaces = access.workspaces_of(caller(request))
    token: Any = request.auth
    if isinstance(token, ApiToken) and token.workspace_id is not None:
        return workspaces.filter(pk=token.workspace_id)
    return workspaces


def may_in_run(request: Request, run_id: str, needed: Role) -> bool:
    """Whether `authorize` would pass for the run's project; says no more than that."""
    found = access.role_in_run(caller(request), run_id)
    token: Any = request.auth
    if isinstance(token, ApiToken):
        if token.workspace_id not in (None, found and found[0]):
            return False
        if not Scope(token.scope).allows(needed):
            return False
    role = found and found[1]
    return role is not None and role.allows(needed)


def authorize(request: Request, place: access.Place, needed: Role) -> Role:
    """The caller's role, if it allows `needed`; NotFound for strangers, Denied otherwise."""
    return _authorize(request, place, needed, access.role_in(caller(request), place))


def acting_role(request: Request, place: access.Place, needed: Role) -> Role:
    """The role in which the caller acts: that of `authorize`, or what the token's scope leaves."""
    role = authorize(request, place, needed)
    token: Any = request.auth
    if isinstance(token, ApiToken) and not Scope(token.scope).allows(role):
        return needed
    return role


def authorize_anywhere(request: Request, workspace: Workspace, needed: Role) -> Role:
    """The same by the caller's highest role in the workspace or in a project of it."""
    role = access.best_role_in(caller(request), workspace)
    return _authorize(request, workspace, needed, role)


def _authorize(request: Request, place: access.Place, needed: Role, role: Role | None) -> Role:
    token: Any = request.auth
    workspace_id = place.pk if isinstance(place, Workspace) else place.workspace_id
    if isinstance(token, ApiToken) and token.workspace_id not in (None, workspace_id):
        raise NotFound("There is no such thing here, or it is not yours to see.")
    checked = access.check(role, place, needed)
    check_scope(request, needed)
    return checked


def check_scope(request: Request, needed: Role) -> None:
    """Raises Denied where the caller's token does not reach as far as `needed`."""
    token: Any = request.auth
    if isinstance(token, ApiToken):
        access.require_scope(token, needed)
