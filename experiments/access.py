"""Who may do what: tokens, one-time sign-in links, roles in workspaces.

Secrets are random and long, so one SHA-256 is enough: nobody can try them all. Only the digest is
stored; a copy of the database opens nothing.
"""

import hashlib
import secrets
import string
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from experiments.errors import Conflict, Denied, Invalid, NotFound
from experiments.models import (
    ApiToken,
    Membership,
    Project,
    Role,
    Run,
    SignInLink,
    User,
    Workspace,
)
from experiments.problems import Problems

TOKEN_PREFIX = "ms_"
TOKEN_LETTERS = 40
SIGN_IN_LIFETIME_S = 15 * 60
LAST_USED_PRECISION_S = 60  # a busy token writes its row once a minute, not at every request
_LETTERS = string.ascii_letters + string.digits


def create_token(
    *,
    user: User,
    name: str,
    workspace: Workspace | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new API token and its secret, which cannot be shown again.

    `workspace` narrows the token to one workspace; the user must be a member of it (NotFound).
    """
    if workspace is not None and role_in(user, workspace) is None:
        raise NotFound("There is no such workspace.", fields={"workspace": ["Not found."]})
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(
            "The token would have expired already.",
            fields={"expires_at": ["Use a time in the future, or leave it out."]},
        )
    problems = Problems()
    name = problems.text("name", name, least=1, most=120)
    problems.check()
    letters = "".join(secrets.choice(_LETTERS) for _ in range(TOKEN_LETTERS))
    secret = TOKEN_PREFIX + letters
    token = ApiToken.objects.create(
        user=user,
        name=name,
        workspace=workspace,
        prefix=secret[:8],
        digest=_digest(secret),
        expires_at=expires_at,
    )
    return token, secret


def user_for_token(token: str) -> tuple[User, ApiToken] | None:
    """Whom a token acts for; None if unknown, revoked, expired or of an inactive user."""
    if not token.startswith(TOKEN_PREFIX) or len(token) != len(TOKEN_PREFIX) + TOKEN_LETTERS:
        return None
    now = timezone.now()
    # Every request of the API asks this: two lookups by key, worded once.
    found = next(iter(ApiToken.objects.raw(_TOKEN, [_digest(token)])), None)
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        return None
    user = next(iter(User.objects.raw(_TOKENS_USER, [found.user_id])))
    if not user.is_active:
        return None
    if found.last_used_at is None or (
        now - found.last_used_at > timedelta(seconds=LAST_USED_PRECISION_S)
    ):
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return user, found


_TOKEN = f"SELECT * FROM {ApiToken._meta.db_table} WHERE digest = %s AND revoked_at IS NULL"
_TOKENS_USER = f"SELECT * FROM {User._meta.db_table} WHERE id = %s"


def revoke_token(token: ApiToken) -> bool:
    """Makes a token useless at once; False if it was already revoked."""
    rows = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
    return rows.update(revoked_at=timezone.now()) == 1


def create_sign_in_link(*, user: User, lifetime_s: int = SIGN_IN_LIFETIME_S) -> str:
    """The secret part of a link that signs `user` in once: /sign-in/<secret>/."""
    secret = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user,
        digest=_digest(secret),
        expires_at=timezone.now() + timedelta(seconds=lifetime_s),
    )
    return secret


def use_sign_in_link(secret: str) -> User | None:
    """The user of an unused, unexpired link, which is used up by this call; otherwise None."""
    now = timezone.now()
    links = SignInLink.objects.filter(
        digest=_digest(secret), used_at=None, expires_at__gt=now, user__is_active=True
    )
    link = links.select_related("user").first()
    # Two openings of one link race for this row; only one of them updates it.
    if link is None or links.update(used_at=now) != 1:
        return None
    return link.user


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
    return workspace


def rename_workspace(workspace: Workspace, *, name: str) -> Workspace:
    """Gives a workspace another name; its slug stays."""
    problems = Problems()
    workspace.name = problems.text("name", name, least=1, most=120)
    problems.check()
    workspace.save(update_fields=["name"])
    return workspace


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
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: Role) -> Membership:
    """Sets a member's role; Conflict if that would leave the workspace without an admin."""
    _keep_an_admin(membership, stays=role == Role.ADMIN)
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def remove_member(membership: Membership) -> None:
    """Ends a membership; Conflict if that would leave the workspace without an admin."""
    _keep_an_admin(membership, stays=False)
    membership.delete()


def _keep_an_admin(membership: Membership, *, stays: bool) -> None:
    """Called in a transaction: the lock makes two admins who leave at once wait for each other."""
    if stays or membership.role != Role.ADMIN:
        return
    admins = Membership.objects.select_for_update().filter(
        workspace=membership.workspace, role=Role.ADMIN
    )
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


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
