"""API tokens: made, looked up at every request, revoked; what their scope lets them do; tickets."""

import secrets
import string
from datetime import datetime, timedelta

from django.core import signing
from django.db import connection, transaction
from django.utils import timezone

from experiments import audit
from experiments.access import rows
from experiments.access.roles import role_in
from experiments.access.secret import digest
from experiments.errors import Denied, Invalid, NotFound
from experiments.models import ApiToken, Role, Scope, User, Workspace
from experiments.models.audit import Action
from experiments.problems import Problems

TOKEN_PREFIX = "ms_"
TOKEN_LETTERS = 40
LAST_USED_PRECISION_S = 60  # a busy token writes its row once a minute, not at every request
_LETTERS = string.ascii_letters + string.digits
_TICKET = "metascope.ticket"


@transaction.atomic
def create_token(
    *,
    user: User,
    name: str,
    workspace: Workspace | None = None,
    scope: Scope = Scope.ADMIN,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new API token and its secret, which cannot be shown again.

    `workspace` narrows the token to one workspace; the user must be a member of it (NotFound).
    `scope` narrows what it may do there, whatever its user may.
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
        scope=scope,
        prefix=secret[:8],
        digest=digest(secret),
        expires_at=expires_at,
    )
    audit.record(
        Action.TOKEN_CREATED, name, place=workspace, account=user, user=user.get_username(),
        prefix=token.prefix, scope=scope,
    )  # fmt: skip
    return token, secret


def user_for_token(token: str) -> tuple[User, ApiToken] | None:
    """Whom a token acts for; None if unknown, revoked, expired or of an inactive user."""
    if not token.startswith(TOKEN_PREFIX) or len(token) != len(TOKEN_PREFIX) + TOKEN_LETTERS:
        return None
    # Every request of the API asks this: one statement, worded once.
    with connection.cursor() as cursor:
        cursor.execute(_TOKEN_AND_USER, [digest(token)])
        row = cursor.fetchone()
    if row is None:
        return None
    split = rows.width(ApiToken)
    found = rows.instance(ApiToken, row[:split])
    found.user = rows.instance(User, row[split:])
    return _acting_for(found)


def create_ticket(token: ApiToken, purpose: str) -> str:
    """What acts for a token where it cannot be sent, for one purpose."""
    return signing.dumps([token.pk, purpose], salt=_TICKET)


def user_for_ticket(
    ticket: str, purpose: str, *, lasting: timedelta
) -> tuple[User, ApiToken] | None:
    """Whom it acts for; None if it is not for this purpose, too old, or its token is not valid."""
    try:
        token_id, stated = signing.loads(ticket, salt=_TICKET, max_age=lasting)
    except signing.BadSignature:
        return None
    if stated != purpose:
        return None
    valid = ApiToken.objects.filter(pk=token_id, revoked_at=None)
    found = valid.select_related("user").first()
    return None if found is None else _acting_for(found)


def _acting_for(found: ApiToken) -> tuple[User, ApiToken] | None:
    """Whom this token acts for now, which is noted as its last use."""
    now = timezone.now()
    user = found.user
    if not user.is_active or (found.expires_at is not None and found.expires_at <= now):
        return None
    if found.last_used_at is None or (
        now - found.last_used_at > timedelta(seconds=LAST_USED_PRECISION_S)
    ):
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return user, found


_TOKEN_AND_USER = f"""
SELECT {rows.columns(ApiToken, "token")}, {rows.columns(User, "person")}
FROM {ApiToken._meta.db_table} token JOIN {User._meta.db_table} person ON person.id = token.user_id
WHERE token.digest = %s AND token.revoked_at IS NULL
"""


def require_scope(token: ApiToken, needed: Role) -> None:
    """Raises Denied where the token's scope does not reach as far as the role `needed`."""
    scope = Scope(token.scope)
    if not scope.allows(needed):
        wanted = next(one for one in Scope if one.allows(needed))
        raise Denied(
            f"This token has the scope {scope.value} and this needs {wanted.value}: use another "
            "token.",
            code="scope_too_narrow",
        )


@transaction.atomic
def revoke_token(token: ApiToken) -> bool:
    """Makes a token useless at once; False if it was already revoked."""
    rows = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
    revoked = rows.update(revoked_at=timezone.now()) == 1
    if revoked:
        audit.record(Action.TOKEN_REVOKED, token.name, place=token.workspace, prefix=token.prefix)
    return revoked
