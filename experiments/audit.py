"""The audit log: who did what to what, when, from where, and by which token.

Entries are written in the transaction of the act itself, so that neither is there without the
other.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from experiments.models import ApiToken, AuditEntry, Membership, Project, User, Workspace
from experiments.models.audit import Action

# The request that is being answered; none in workers and commands.
answering: ContextVar[HttpRequest | None] = ContextVar("answering", default=None)
# Who acts where no request is answered: the server itself, unless a command says otherwise.
_unasked: ContextVar[str] = ContextVar("unasked", default="")
COMMAND_LINE = "command line"  # no user can be called so: their names have no spaces
ATTEMPTS_APART_S = 60  # failed sign-ins of one user from one address: one entry in this time


@contextmanager
def at_the_command_line() -> Iterator[None]:
    """Entries made meanwhile name the command line as who acted."""
    former = _unasked.set(COMMAND_LINE)
    try:
        yield
    finally:
        _unasked.reset(former)


def record(
    action: Action,
    subject: str,
    *,
    place: Workspace | Project | None = None,
    actor: User | None = None,
    account: User | None = None,
    **details: Any,
) -> None:
    """Adds an entry about `subject`, by `actor` or by whoever sent the request being answered.

    Where nobody did, the entry is listed with those of `account`, whom it is about. `details` say
    what changed; never put secrets there.
    """
    request = answering.get()
    token = getattr(request, "auth", None)
    caller = actor or getattr(request, "user", None)
    user = caller if isinstance(caller, User) else None
    AuditEntry.objects.create(
        action=action,
        subject=subject[:300],
        workspace_id=_workspace_id(place),
        actor_id=getattr(user or account, "pk", None),
        actor=_unasked.get() if user is None else user.get_username(),
        token=token.prefix if isinstance(token, ApiToken) else "",
        address=address_of(request) if request is not None else "",
        details=details,
    )


def _workspace_id(place: Workspace | Project | None) -> int | None:
    if place is None:
        return None
    return place.workspace_id if isinstance(place, Project) else place.pk


def address_of(request: HttpRequest) -> str:
    """Where a request came from. Behind our own proxy its word counts: the last entry, as those
    before it are the client's to choose."""
    told = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_HTTPS:
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or told
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return ""


def record_failed_sign_in(username: str) -> None:
    """Notes that somebody failed to sign in as a user that there is, at most once a minute from one
    address. Other names are not kept: people type passwords there."""
    user = User.objects.filter(username=username).first()
    request = answering.get()
    if user is None or request is None:
        return
    lately = AuditEntry.objects.filter(
        actor_id=user.pk,
        action=Action.SIGN_IN_FAILED,
        address=address_of(request),
        at__gt=timezone.now() - timedelta(seconds=ATTEMPTS_APART_S),
    )
    if not lately.exists():
        record(Action.SIGN_IN_FAILED, user.username, actor=user)


def entries_of(workspace: Workspace) -> QuerySet[AuditEntry]:
    """What an admin of the workspace may read: what was done there, and what its members, or the
    command line for them, did to their own accounts."""
    members = Membership.objects.filter(workspace=workspace).values("user_id")
    return AuditEntry.objects.filter(
        Q(workspace_id=workspace.pk) | Q(workspace_id=None, actor_id__in=members)
    )
