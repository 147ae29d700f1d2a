"""Links that sign one user in, once."""

import secrets
from datetime import timedelta

from django.utils import timezone

from experiments.access.secret import digest
from experiments.models import SignInLink, User

SIGN_IN_LIFETIME_S = 15 * 60


def create_sign_in_link(*, user: User, lifetime_s: int = SIGN_IN_LIFETIME_S) -> str:
    """The secret part of a link that signs `user` in once: /sign-in/<secret>/."""
    secret = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user,
        digest=digest(secret),
        expires_at=timezone.now() + timedelta(seconds=lifetime_s),
    )
    return secret


def use_sign_in_link(secret: str) -> User | None:
    """The user of an unused, unexpired link, which is used up by this call; otherwise None."""
    now = timezone.now()
    links = SignInLink.objects.filter(
        digest=digest(secret), used_at=None, expires_at__gt=now, user__is_active=True
    )
    link = links.select_related("user").first()
    # Two openings of one link race for this row; only one of them updates it.
    if link is None or links.update(used_at=now) != 1:
        return None
    return link.user
