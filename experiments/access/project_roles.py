"""A member's role in one project: raised, lowered, or none at all."""

from dataclasses import dataclass

from django.db import transaction

from experiments import audit
from experiments.access.roles import effective
from experiments.errors import Conflict
from experiments.models import Membership, Project, ProjectRole, Role
from experiments.models.audit import Action


@dataclass(frozen=True)
class Access:
    """What a member of the workspace may do in a project. `own` is set where it differs from
    the role in the workspace: "none", or a role."""

    membership: Membership
    own: str | None
    role: Role | None

    @property
    def username(self) -> str:
        return self.membership.user.username

    @property
    def workspace_role(self) -> Role:
        return Role(self.membership.role)


def members_of_project(project: Project, username: str | None = None) -> list[Access]:
    """Every member of the workspace, or the one of that name, with the role in the project."""
    rows = Membership.objects.filter(workspace=project.workspace_id).select_related("user")
    if username is not None:
        rows = rows.filter(user__username=username)
    own = dict(ProjectRole.objects.filter(project=project).values_list("membership_id", "role"))
    return [
        Access(one, own.get(one.pk), effective(one.role, own.get(one.pk)))
        for one in rows.order_by("user__username")
    ]


@transaction.atomic
def set_project_role(project: Project, membership: Membership, role: str | None) -> Access:
    """Gives a member another role in a project, "none" to shut them out, None to drop it again.

    Raises Conflict for admins of the workspace, who are admins of all its projects.
    """
    rows = ProjectRole.objects.filter(project=project, membership=membership)
    if role is None:
        rows.delete()
    elif membership.role == Role.ADMIN:
        raise Conflict(
            "An admin of the workspace is admin of all its projects: change that role first.",
            code="workspace_admin",
        )
    else:
        ProjectRole.objects.update_or_create(
            project=project, membership=membership, defaults={"role": role}
        )
    audit.record(
        Action.PROJECT_ROLE_CHANGED, f"{membership.user.username} in {project.slug}", place=project,
        role=role,
    )  # fmt: skip
    return members_of_project(project, membership.user.username)[0]
