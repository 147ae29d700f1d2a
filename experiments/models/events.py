"""What happened to runs, who hears of it, and what was sent where.

A `RunEvent` is written in the transaction of what it tells (an outbox); a worker makes
notifications and deliveries of it afterwards.
"""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User
from experiments.models.comments import Comment
from experiments.models.documents import DocumentField
from experiments.models.ids import new_id
from experiments.models.projects import Project
from experiments.models.runs import Run


class EventKind(models.TextChoices):
    """What people can ask to hear of."""

    FINISHED = "finished", "a run completed"
    FAILED = "failed", "a run failed or crashed"
    NAN = "nan", "a metric is not finite"
    STALL = "stall", "a running run logs nothing"
    BEST = "best", "a run is the best so far"
    ALERT = "alert", "a script raised an alert"


TEST = "test"  # of a webhook: sent on demand, to nobody's inbox
MENTION = "mention"  # in an inbox only


class RunEvent(models.Model):
    """Something that happened once. `key` tells apart what can happen to a run again."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100, default=new_id)
    detail = DocumentField(default=dict)
    happened_at = models.DateTimeField(db_default=Now())
    spread_at = models.DateTimeField(null=True)  # notifications and deliveries were made

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "key"], name="one_event_per_key"),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="unspread_events", condition=models.Q(spread_at__isnull=True)
            ),
            models.Index(fields=["happened_at"], name="events_by_age"),
        ]


class Watch(models.Model):
    """What a member wants to hear of a project: kinds of events, of all runs or of their own."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="watches")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="watches")
    kinds = DocumentField(default=list)
    only_mine = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_watch_per_member"),
        ]


class Notification(models.Model):
    """A line in somebody's inbox."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True, max_length=2_000)
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="+")
    comment = models.ForeignKey(Comment, null=True, on_delete=models.CASCADE, related_name="+")
    event = models.ForeignKey(RunEvent, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "event"], name="one_notification_per_event"),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="inbox")]


class Webhook(models.Model):
    """An address that is told of events. The secret signs what is sent, so it is kept as it is."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=64)
    kinds = DocumentField(default=list)
    site = models.CharField(max_length=200)  # this server's own address, for links
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())


class Delivery(models.Model):
    """One event for one webhook: waiting while `due_at` is set, then sent or given up."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(RunEvent, on_delete=models.CASCADE, related_name="deliveries")
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, db_default=Now())
    sent_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)  # of the last answer
    error = models.CharField(max_length=300, blank=True)  # why the last attempt failed
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="one_delivery_per_event"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="due_deliveries", condition=models.Q(due_at__isnull=False)
            ),
        ]
