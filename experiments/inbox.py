"""Who hears of what: watches of members, their inboxes, events spread to these and to webhooks."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from experiments import access, telling
from experiments.errors import Invalid
from experiments.models import (
    Comment,
    Delivery,
    EventKind,
    Notification,
    Project,
    RunEvent,
    User,
    Watch,
)
from experiments.models.events import MENTION, TEST

SPREAD_AT_ONCE = 200
KEPT_DAYS = 90
NO_KINDS = "Choose of finished, failed, nan, stall, best and alert."


def watch(project: Project, user: User, *, kinds: Iterable[str], only_mine: bool = False) -> Watch:
    """Sets what a member hears of a project; no kinds: nothing. Raises Invalid."""
    found, _ = Watch.objects.update_or_create(
        project=project,
        user=user,
        defaults={"kinds": checked_kinds(kinds), "only_mine": only_mine},
    )
    return found


def watch_of(project: Project, user: User) -> Watch:
    """What a member hears of a project; nothing until they choose."""
    return Watch.objects.filter(project=project, user=user).first() or Watch(
        project=project, user=user
    )


def checked_kinds(kinds: Iterable[str]) -> list[str]:
    """Each once, in the order of the list. Raises Invalid."""
    wanted = set(kinds)
    if wanted - set(EventKind.values):
        raise Invalid(f"kinds: {NO_KINDS}", fields={"kinds": [NO_KINDS]})
    return [kind for kind in EventKind.values if kind in wanted]


def spread() -> int:
    """Makes notifications and deliveries of the events that have none yet; returns how many."""
    waiting = RunEvent.objects.filter(spread_at=None).order_by("pk")
    ids = list(waiting.values_list("pk", flat=True)[:SPREAD_AT_ONCE])
    return sum(_spread(event_id) for event_id in ids)


@transaction.atomic
def _spread(event_id: int) -> bool:
    """One event, all or nothing. Of two workers one marks it; the other waits and finds it done."""
    if not RunEvent.objects.filter(pk=event_id, spread_at=None).update(spread_at=Now()):
        return False
    event = RunEvent.objects.select_related("run", "project__workspace").get(pk=event_id)
    if event.project.deleted_at is not None:
        return True
    _notify(event)
    hooks = [hook for hook in event.project.webhooks.all() if event.kind in hook.kinds]
    Delivery.objects.bulk_create(
        [Delivery(webhook=hook, event=event) for hook in hooks], ignore_conflicts=True
    )
    return True


def _notify(event: RunEvent) -> None:
    watches = event.project.watches.select_related("user").filter(user__is_active=True)
    owner = event.run.created_by_id if event.run is not None else None
    users = [
        one.user
        for one in watches
        if event.kind in one.kinds
        and (not one.only_mine or one.user_id == owner)
        and access.role_in(one.user, event.project) is not None
    ]
    if event.kind == TEST or not users:
        return
    title, text = telling.title_of(event), telling.text_of(event)
    Notification.objects.bulk_create(
        [
            Notification(
                user=user, project=event.project, kind=event.kind, title=title, text=text,
                run=event.run, event=event,
            )
            for user in users
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def mention(comment: Comment, users: Iterable[User]) -> None:
    """Tells members that a comment names them."""
    run = comment.run
    by = comment.author.username if comment.author else "Somebody"
    Notification.objects.bulk_create(
        Notification(
            user=user,
            project=run.project,
            kind=MENTION,
            title=f"{by} mentions you on {run.name}"[:300],
            text=comment.text[:2_000],
            run=run,
            comment=comment,
        )
        for user in users
    )


def of_user(user: User) -> QuerySet[Notification]:
    """What is in the inbox, of projects that the user still sees."""
    projects = Project.objects.visible_to(user)
    return Notification.objects.filter(user=user, project__in=projects)


def unread_count(user: User) -> int:
    """How many lines have not been read."""
    return access.unread_notifications(user)


def mark_read(user: User, notifications: Iterable[int] | None = None) -> int:
    """Marks lines as read, all without a list; returns how many were not."""
    rows = Notification.objects.filter(user=user, read_at=None)
    if notifications is not None:
        rows = rows.filter(pk__in=list(notifications))
    return rows.update(read_at=Now())


def drop_old() -> None:
    """Forgets what was read long ago."""
    limit = timezone.now() - timedelta(days=KEPT_DAYS)
    Notification.objects.filter(read_at__lt=limit).delete()
