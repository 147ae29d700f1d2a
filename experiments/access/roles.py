"""Roles: what a user may do in a workspace, and in a project where that differs."""

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from experiments.errors import Denied, NotFound
from experiments.models import Membership, Project, ProjectRole, Role, Run, User, Workspace

Place = Workspace | Project


def role_in(user: User, place: Place) -> Role | None:
    """The user's role; None for strangers, who get 404 as if the place did not exist."""
    mine = Membership.objects.filter(user=user)
    if isinstance(place, Workspace):
        membership = mine.filter(workspace=place).first()
        return Role(membership.role) if membership else None
    own = ProjectRole.objects.filter(membership=OuterRef("pk"), project=place).values("role")[:1]
    rows = mine.filter(workspace=place.workspace_id).annotate(own=Subquery(own))
    found = rows.values_list("role", "own").first()
    return None if found is None else effective(*found)


def effective(role: str, own: str | None) -> Role | None:
    """The role in a project, of the one in its workspace and the one there, if there is one.

    An admin of the workspace is one in all its projects.
    """
    if own is None or role == Role.ADMIN:
        return Role(role)
    return None if own == ProjectRole.NONE else Role(own)


def best_role_in(user: User, workspace: Workspace) -> Role | None:
    """The highest role the user has in the workspace or in a project of it."""
    role = role_in(user, workspace)
    if role is None or role == Role.ADMIN:
        return role
    raised = ProjectRole.objects.filter(
        membership__user=user, project__workspace=workspace, role__in=Role.values
    )
    roles = [role, *(Role(one) for one in raised.values_list("role", flat=True))]
    return max(roles, key=list(Role).index)


def role_in_run(user: User, run_id: str) -> tuple[int, Role | None] | None:
    """The workspace of a run, by id, and the user's role in its project; None for strangers.

    What `role_in` says, in one statement: whoever sends points asks with every batch.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ROLE_IN_RUN, [user.pk, run_id])
        row = cursor.fetchone()
    return None if row is None else (row[0], effective(row[1], row[2]))


_ROLE_IN_RUN = f"""
SELECT member.workspace_id, member.role, own.role FROM {Run._meta.db_table} run
JOIN {Project._meta.db_table} project ON project.id = run.project_id
JOIN {Membership._meta.db_table} member
    ON member.workspace_id = project.workspace_id AND member.user_id = %s
LEFT JOIN {ProjectRole._meta.db_table} own
    ON own.project_id = run.project_id AND own.membership_id = member.id
WHERE run.id = %s
"""


def require(user: User, place: Place, needed: Role) -> Role:
    """The user's role, if it allows `needed`; NotFound for strangers, Denied for too low a role."""
    return check(role_in(user, place), place, needed)


def check(role: Role | None, place: Place, needed: Role) -> Role:
    """The role, if it allows `needed` in that place; raises as `require` does."""
    if role is None:
        raise NotFound("There is no such thing here, or it is not yours to see.")
    if not role.allows(needed):
        kind = "workspace" if isinstance(place, Workspace) else "project"
        raise Denied(
            f"This needs the role {needed.value} in {kind} {place.slug}; "
            f"yours is {role.value}. Ask an admin of the workspace."
        )
    return role


def projects_of(user: User, least: Role = Role.VIEWER) -> QuerySet[Project]:
    """The projects in which a user has at least this role, those in the trash too."""
    return Project.objects.reached_by(user, least)


def workspaces_of(user: User) -> QuerySet[Workspace]:
    """The workspaces a user is a member of."""
    return Workspace.objects.filter(memberships__user=user)
