"""Webhooks of a project: made with a secret that is shown once, tried out, removed."""

import secrets
from collections.abc import Iterable

from django.db import transaction
from django.db.models.functions import Now

from experiments import audit, inbox
from experiments.errors import Conflict, Invalid
from experiments.models import Delivery, Project, RunEvent, User, Webhook
from experiments.models.audit import Action
from experiments.models.events import TEST
from experiments.webhooks import addresses

MOST = 20  # of a project
LONGEST_URL = 500


@transaction.atomic
def create(
    project: Project, *, user: User, url: str, kinds: Iterable[str], site: str
) -> tuple[Webhook, str]:
    """A webhook and the secret that signs what it is sent, shown only now.

    `site`: this server's own address, for links in what is sent. Raises Invalid for an address
    that is none or that the server may not call.
    """
    url = url.strip()
    if len(url) > LONGEST_URL:
        problem = f"Use at most {LONGEST_URL} characters."
        raise Invalid(f"url: {problem}", fields={"url": [problem]})
    addresses.check(url)
    chosen = inbox.checked_kinds(kinds)
    if not chosen:
        raise Invalid(f"kinds: {inbox.NO_KINDS}", fields={"kinds": [inbox.NO_KINDS]})
    if project.webhooks.count() >= MOST:
        raise Conflict(f"This project has {MOST} webhooks: remove one first.", code="too_many")
    secret = secrets.token_urlsafe(32)
    hook = Webhook.objects.create(
        project=project, url=url, secret=secret, kinds=chosen, site=site[:200], created_by=user
    )
    hook.refresh_from_db(fields=["created_at"])
    audit.record(Action.WEBHOOK_CREATED, addresses.shown(url), place=project, kinds=chosen)
    return hook, secret


@transaction.atomic
def remove(hook: Webhook) -> None:
    """Nothing is sent there any more; what was is forgotten."""
    audit.record(Action.WEBHOOK_REMOVED, addresses.shown(hook.url), place=hook.project)
    hook.delete()


@transaction.atomic
def ping(hook: Webhook) -> Delivery:
    """Has the worker send a test there."""
    event = RunEvent.objects.create(project=hook.project, kind=TEST, spread_at=Now())
    return Delivery.objects.create(webhook=hook, event=event)


def send_again(delivery: Delivery) -> None:
    """Has the worker send it once more, whatever became of it."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=Now(), attempts=0, sent_at=None)
