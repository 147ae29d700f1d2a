"""Roles: what a user may do in a workspace."""

from django.db import connection
from django.db.models import QuerySet

from experiments.errors import Denied, NotFound
from experiments.models import Membership, Project, Role, Run, User, Workspace


def role_in(user: User, workspace: Workspace) -> Role | None:
    """The user's role; None for strangers, who get 404 as if the workspace did not exist."""
    membership = Membership.objects.filter(user=user, workspace=workspace).first()
    return Role(membership.role) if membership else None


def role_in_run(user: User, run_id: str) -> tuple[int, Role] | None:
    """The workspace of a run, by id, and the user's role there; None for strangers.

    What `role_in` says, in one statement: whoever sends points asks with every batch.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ROLE_IN_RUN, [user.pk, run_id])
        row = cursor.fetchone()
    return None if row is None else (row[0], Role(row[1]))


_ROLE_IN_RUN = f"""
SELECT member.workspace_id, member.role FROM {Run._meta.db_table} run
JOIN {Project._meta.db_table} project ON project.id = run.project_id
JOIN {Membership._meta.db_table} member
    ON member.workspace_id = project.workspace_id AND member.user_id = %s
WHERE run.id = %s
"""


def require(user: User, workspace: Workspace, needed: Role) -> Role:
    """The user's role, if it allows `needed`; NotFound for strangers, Denied for too low a role."""
    role = role_in(user, workspace)
    if role is None:
        raise NotFound("There is no such thing here, or it is not yours to see.")
    if not role.allows(needed):
        raise Denied(
            f"This needs the role {needed.value} in workspace {workspace.slug}; "
            f"yours is {role.value}. Ask an admin of the workspace."
        )
    return role


def workspaces_of(user: User) -> QuerySet[Workspace]:
    """The workspaces a user is a member of."""
    return Workspace.objects.filter(memberships__user=user)
