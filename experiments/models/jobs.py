"""The job ledger: what is queued, who works on it, what each attempt came to.

The database is the truth. `experiments.queue` is the only code that changes these rows, always by
one conditional UPDATE on (id, attempt, status) whose row count is the answer.
"""

from typing import Self

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User, Workspace
from experiments.models.documents import DocumentField
from experiments.models.ids import new_id
from experiments.models.runs import DOCUMENTS, Run
from experiments.models.snapshots import Blob


class Worker(models.Model):
    """A worker process that announced itself: what it can run, and when it was last heard of."""

    name = models.CharField(max_length=200, unique=True)  # host:pid-independent, e.g. "box/default"
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = DocumentField(default=list)
    slots = models.PositiveSmallIntegerField(default=1)
    devices = DocumentField(default=list)  # [{"kind": "cpu", "name": ..., "memory_bytes": ...}]
    memory_bytes = models.BigIntegerField(null=True)
    # {"maml": {"version", "title", "summary", "family", "order", "year", "paper", "schema",
    #           "presets"}}
    trainers = DocumentField(default=dict)
    # [{"name", "title", "available", "missing", "hash", "samples"}], see metalearning.catalog
    distributions = DocumentField(default=list)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)


class JobStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobQuerySet(models.QuerySet["Job"]):
    def listed(self) -> Self:
        """For lists: with all they show, without the documents of a job and its run."""
        documents = (f"run__{name}" for name in DOCUMENTS)
        related = "run__project__workspace", "workspace", "worker", "submitted_by"
        return self.select_related(*related).defer("spec", *documents)


class Job(models.Model):
    """One queue entry; its run has the same status, changed in the same transaction."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="job")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="jobs")
    queue = models.CharField(max_length=64, default="default")
    priority = models.SmallIntegerField(default=0)  # -10 low, 0 normal, 10 high; larger first
    trainer = models.CharField(max_length=64)  # the spec's algorithm
    spec = DocumentField()
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.QUEUED)
    attempt = models.PositiveIntegerField(
        default=0
    )  # also the fencing number: bumped by each claim
    max_attempts = models.PositiveSmallIntegerField(default=3)
    worker = models.ForeignKey(Worker, null=True, blank=True, on_delete=models.SET_NULL)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)  # last time a message was published
    reason = models.TextField(blank=True)
    submitted_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)  # null while it waits or runs

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-finished_at", "-id"], name="jobs_by_end"),
            models.Index(fields=["status", "queue", "-priority", "id"], name="jobs_to_claim"),
            models.Index(fields=["workspace", "status", "id"], name="jobs_by_workspace"),
        ]


class JobAttempt(models.Model):
    """The history of a job: one row per claim."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    worker_name = models.CharField(max_length=200)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    resumed_from_step = models.BigIntegerField(null=True, blank=True)
    outcome = models.CharField(
        max_length=16, blank=True
    )  # completed failed cancelled lost released
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="one_row_per_attempt"),
        ]


class Checkpoint(models.Model):
    """A state a run can continue from. All points up to `step` were stored before this row was."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="checkpoints")
    step = models.BigIntegerField()
    attempt = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "step"], name="one_checkpoint_per_step"),
        ]
