"""Invitations: links that make one person a member of a workspace, once."""

import secrets
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from experiments import audit
from experiments.access.secret import digest
from experiments.errors import Conflict, Invalid, NotFound
from experiments.models import Invitation, Membership, Role, User, Workspace
from experiments.models.audit import Action
from experiments.problems import Problems

MOST_DAYS = 90
LONGEST_NAME = 150


@transaction.atomic
def create_invitation(
    *, workspace: Workspace, role: Role, user: User, days: int = 7, note: str = ""
) -> tuple[Invitation, str]:
    """An invitation and the secret part of its link, /invitations/<secret>/, shown only now."""
    problems = Problems()
    note = problems.text("note", note, least=0, most=120)
    if not 1 <= days <= MOST_DAYS:
        problems.add("days", f"Use a whole number from 1 to {MOST_DAYS}.")
    problems.check()
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        workspace=workspace,
        role=role,
        note=note,
        digest=digest(secret),
        invited_by=user,
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit.record(Action.INVITED, _name(invitation), place=workspace, role=role, days=days)
    return invitation, secret


def open_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    """Those of a workspace that can still be accepted."""
    return _open().filter(workspace=workspace)


def find_invitation(secret: str) -> Invitation:
    """The invitation of a link. Raises NotFound when it was used, revoked, or has ended."""
    found = _open().filter(digest=digest(secret)).select_related("workspace", "invited_by").first()
    if found is None:
        raise NotFound(
            "This invitation was used or revoked, or its time is over: ask for another.",
            code="invitation_over",
        )
    return found


@transaction.atomic
def accept_invitation(secret: str, user: User) -> Membership:
    """Makes a user a member by a link, which is used up. Raises NotFound, Conflict for members."""
    invitation = find_invitation(secret)
    # Two who open one link race for this row; only one of them updates it.
    rows = _open().filter(pk=invitation.pk)
    if rows.update(accepted_at=Now(), accepted_by=user) != 1:
        raise NotFound("This invitation was just used.", code="invitation_over")
    membership, created = Membership.objects.get_or_create(
        workspace=invitation.workspace, user=user, defaults={"role": invitation.role}
    )
    if not created:
        raise Conflict(
            f"You are a member of {invitation.workspace.slug} already; the invitation stays open "
            "for somebody else.",
            code="already_member",
        )
    audit.record(
        Action.INVITATION_ACCEPTED, _name(invitation), place=invitation.workspace, actor=user,
        role=invitation.role,
    )  # fmt: skip
    return membership


@transaction.atomic
def register_invited(secret: str, *, username: str, name: str, password: str) -> User:
    """Makes the account of somebody invited, and the membership. Raises Invalid, NotFound."""
    find_invitation(secret)  # nobody without one learns which names are taken
    first, _, last = name.strip().partition(" ")
    user = User(username=username, first_name=first[:LONGEST_NAME], last_name=last[:LONGEST_NAME])
    problems = Problems()
    try:
        UnicodeUsernameValidator()(username)
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        problems.add("username", " ".join(error.messages))
    try:
        validate_password(password, user)
    except ValidationError as error:
        problems.add("password", " ".join(error.messages))
    problems.check()
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        message = "Taken: choose another, or sign in if it is yours."
        raise Invalid(f"username: {message}", fields={"username": [message]}) from None
    accept_invitation(secret, user)
    return user


@transaction.atomic
def revoke_invitation(invitation: Invitation) -> bool:
    """Makes a link useless at once; False if it was used or revoked before."""
    if _open().filter(pk=invitation.pk).update(revoked_at=Now()) != 1:
        return False
    audit.record(Action.INVITATION_REVOKED, _name(invitation), place=invitation.workspace)
    return True


def _open() -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )


def _name(invitation: Invitation) -> str:
    return invitation.note or f"invitation {invitation.pk}"
