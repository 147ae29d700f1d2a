"""Workspaces and their members."""

from django.db import IntegrityError, transaction

from experiments import audit
from experiments.errors import Conflict, Invalid
from experiments.models import Membership, Role, User, Workspace
from experiments.models.audit import Action
from experiments.problems import Problems


@transaction.atomic
def create_workspace(*, slug: str, name: str, user: User) -> Workspace:
    """A new workspace whose first admin is `user`; Conflict if the slug is taken."""
    problems = Problems()
    name = problems.text("name", name, least=1, most=120)
    problems.slug("slug", slug)
    problems.check()
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(slug=slug, name=name)
    except IntegrityError:
        raise Conflict(
            f"The workspace slug {slug!r} is taken: choose another.",
            code="slug_taken",
            fields={"slug": ["Taken: choose another."]},
        ) from None
    Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
    audit.record(Action.WORKSPACE_CREATED, slug, place=workspace)
    return workspace


@transaction.atomic
def rename_workspace(workspace: Workspace, *, name: str) -> Workspace:
    """Gives a workspace another name; its slug stays."""
    problems = Problems()
    workspace.name = problems.text("name", name, least=1, most=120)
    problems.check()
    workspace.save(update_fields=["name"])
    audit.record(Action.WORKSPACE_RENAMED, workspace.slug, place=workspace, name=workspace.name)
    return workspace


@transaction.atomic
def add_member(*, workspace: Workspace, username: str, role: Role) -> Membership:
    """Makes an existing user a member; Invalid if unknown, Conflict if a member already."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(
            f"There is no user {username!r} on this server.",
            fields={"username": ["Unknown user: ask the operator to create the account first."]},
        )
    membership, created = Membership.objects.get_or_create(
        workspace=workspace, user=user, defaults={"role": role}
    )
    if not created:
        raise Conflict(
            f"{username} is a member already: change the role instead.",
            code="already_member",
            fields={"username": ["Is a member already."]},
        )
    audit.record(Action.MEMBER_ADDED, username, place=workspace, role=role)
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: Role) -> Membership:
    """Sets a member's role; Conflict if that would leave the workspace without an admin."""
    _keep_an_admin(membership, stays=role == Role.ADMIN)
    before = membership.role
    membership.role = role
    membership.save(update_fields=["role"])
    if before != role:
        audit.record(
            Action.MEMBER_ROLE_CHANGED,
            membership.user.username,
            place=membership.workspace,
            before=before,
            role=role,
        )
    return membership


@transaction.atomic
def remove_member(membership: Membership) -> None:
    """Ends a membership; Conflict if that would leave the workspace without an admin."""
    _keep_an_admin(membership, stays=False)
    membership.delete()
    audit.record(
        Action.MEMBER_REMOVED, membership.user.username, place=membership.workspace,
        role=membership.role,
    )  # fmt: skip


def _keep_an_admin(membership: Membership, *, stays: bool) -> None:
    """Called in a transaction: the lock makes two admins who leave at once wait for each other."""
    if stays or membership.role != Role.ADMIN:
        return
    rows = Membership.objects.filter(workspace=membership.workspace, role=Role.ADMIN)
    admins = rows.select_for_update().order_by("pk")
    if {admin.pk for admin in admins} <= {membership.pk}:
        raise Conflict(
            "A workspace needs at least one admin: make somebody else admin first.",
            code="last_admin",
        )


@transaction.atomic
def ensure_first_user() -> User:
    """The user "admin", admin of the workspace "default"; made if missing, without a password."""
    user, created = User.objects.get_or_create(username="admin")
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    workspace, _ = Workspace.objects.get_or_create(slug="default", defaults={"name": "Default"})
    Membership.objects.get_or_create(workspace=workspace, user=user, defaults={"role": Role.ADMIN})
    return user
