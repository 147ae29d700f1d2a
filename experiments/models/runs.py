"""Runs: one execution each, with params, tags, notes, code, environment and console."""

from typing import Self

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User
from experiments.models.documents import DocumentField
from experiments.models.files import Manifest
from experiments.models.ids import new_id
from experiments.models.projects import Project, shut_from
from experiments.models.snapshots import Snapshot

# Orders of runs that are in no archive. They name what is null in all of them, as their index does:
# PostgreSQL would sort the whole project otherwise.
NEWEST_FIRST = ("archived_at", "-created_at", "-id")
OLDEST_FIRST = ("-archived_at", "created_at", "id")


class RunStatus(models.TextChoices):
    """Only `experiments.lifecycle` changes a run's status."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


FINISHED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.CRASHED)
# Columns that may be long and that no list shows.
DOCUMENTS = ("params", "summary", "notes", "environment", "command")
ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)
COLORS = 20  # that may be chosen: ten, and a second shade of each


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(
            ~models.Q(project__in=shut_from(user)), project__workspace__memberships__user=user
        )

    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def finished(self) -> Self:
        return self.filter(status__in=FINISHED)

    def without_documents(self) -> Self:
        """For lists: each document is read only if it is asked for."""
        return self.defer(*DOCUMENTS)


class Run(models.Model):
    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    name = models.CharField(max_length=200)
    number = (
        models.PositiveIntegerField()
    )  # 1, 2, 3 ... within the project; also picks the colour slot where none is chosen
    color = models.PositiveSmallIntegerField(null=True, blank=True)  # chosen: 1 to COLORS
    group = models.CharField(max_length=200, blank=True)
    # Of the same project, never below itself: `lifecycle.nesting`. Children outlive it.
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    seed = models.BigIntegerField(null=True, blank=True)
    status = models.CharField(
        max_length=16, choices=RunStatus.choices, default=RunStatus.QUEUED, db_index=True
    )
    status_reason = models.TextField(blank=True)
    exit_code = models.PositiveSmallIntegerField(null=True, blank=True)  # where the client knew it
    params = DocumentField(default=dict)  # as sent, nested; `Param` rows are its flat index
    summary = DocumentField(default=dict)  # final values set by the run itself, nested
    notes = models.TextField(blank=True, max_length=100_000)
    environment = DocumentField(default=dict)  # python, packages, hardware, variables
    command = models.TextField(blank=True)
    # Chosen by the client that made the run, so that asking again, however late, makes no second;
    # null rather than "" for runs without: nulls are never equal.
    origin = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    snapshot = models.ForeignKey(Snapshot, null=True, blank=True, on_delete=models.PROTECT)
    progress_step = models.BigIntegerField(null=True, blank=True)
    progress_total = models.BigIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    # In the trash since; archived too, so that lists leave it out. Emptied by `lifecycle.trash`.
    deleted_at = models.DateTimeField(null=True, blank=True)
    files = models.ForeignKey(  # made with the first file
        Manifest, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_run_per_number"),
            # With a condition it is an index to add, where SQLite would copy the table otherwise.
            models.UniqueConstraint(
                fields=["project", "origin"],
                condition=models.Q(origin__isnull=False),
                name="one_run_per_origin",
            ),
        ]
        indexes = [
            # Lists leave out archived runs. A row holds whole documents: what lists count, sort and
            # page by is answered from these indexes alone.
            models.Index(
                fields=["project", "archived_at", "-created_at", "-id"], name="runs_by_age"
            ),
            models.Index(fields=["project", "archived_at", "status", "id"], name="runs_by_status"),
            # All that a filter may ask of a run itself. The name is before what every list asks:
            # SQLite would count runs along this index, the longest, otherwise.
            models.Index(
                fields=[
                    *("project", "name", "archived_at", "group", "seed", "number", "status"),
                    *("created_by", "created_at", "started_at", "finished_at", "id"),
                ],
                name="runs_by_name",
            ),
            models.Index(
                fields=["project", "archived_at", "parent", "-created_at", "-id"],
                condition=models.Q(parent__isnull=True),
                name="outer_runs_by_age",
            ),
            models.Index(
                fields=["project", "archived_at", "parent", "status", "id"],
                condition=models.Q(parent__isnull=True),
                name="outer_runs_by_status",
            ),
            # In the order of lists, or SQLite would rather walk all runs by age.
            models.Index(
                fields=["project", "parent", "archived_at", "-created_at", "-id"],
                condition=models.Q(parent__isnull=False),
                name="child_runs",
            ),
            models.Index(
                fields=["project", "group", "archived_at", "-created_at", "-id"],
                name="runs_by_group",
            ),
            models.Index(
                fields=["project", "snapshot", "id"],
                condition=models.Q(snapshot__isnull=False),
                name="runs_by_code",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    @property
    def labels(self) -> list[str]:
        """The tags that are names alone, sorted; those with a value are named texts."""
        return sorted(row.name for row in self.tag_rows.all() if not row.value)

    @property
    def color_slot(self) -> int:
        """The run's colour on every page: the one chosen, or 1 to 10 by its number."""
        return color_slot(self.number, self.color)


def color_slot(number: int, chosen: int | None) -> int:
    """Of the run of this number, for which a member may have chosen a colour."""
    return chosen or (number - 1) % 10 + 1


def newest_run_at() -> models.Subquery:
    """For projects: when their newest run was made; one step along an index for each."""
    runs = Run.objects.filter(project=models.OuterRef("pk"), archived_at=None)
    return models.Subquery(runs.order_by(*NEWEST_FIRST).values("created_at")[:1])


class Rewind(models.Model):
    """A run was taken back to a step: what it had logged of later ones was dropped."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rewinds")
    at = models.DateTimeField(db_default=Now())
    attempt = models.PositiveIntegerField(null=True)  # of its job; null: a client's run
    after_step = models.BigIntegerField()
    points = models.PositiveBigIntegerField()  # dropped
    evaluations = models.PositiveIntegerField()  # dropped


class Param(models.Model):
    """One leaf of a run's params under its dotted key, indexed for filter and sort."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="param_rows")
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    key = models.CharField(max_length=250)
    text = models.CharField(max_length=500)  # the JSON scalar as text, cut for the index only
    number = models.FloatField(null=True)  # set when the value is a number

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="one_param_per_key")]
        indexes = [
            models.Index(fields=["project", "key", "number", "run"], name="params_by_number"),
            models.Index(fields=["project", "key", "text", "run"], name="params_by_text"),
        ]


class ParamsHash(models.Model):
    """All params of a run but the seed, as one number: runs that differ in the seed alone have the
    same. Written with the rows of params (`lifecycle.params`); a run without has none, or zero."""

    run = models.OneToOneField(
        Run, primary_key=True, on_delete=models.CASCADE, related_name="params_hash"
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_index=False)
    value = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["project", "value", "run"], name="runs_by_params")]


class RunTag(models.Model):
    """A label of a run, or a named text: MLflow's tags have values, ours are names alone."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tag_rows")
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    name = models.CharField(max_length=250)
    value = models.TextField(blank=True)
    text = models.CharField(max_length=500, blank=True)  # the value, cut for the index only

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_tag_per_name")]
        indexes = [models.Index(fields=["project", "name", "text", "run"], name="tags_by_text")]


class LogChunk(models.Model):
    """A piece of console output, in the order it was written."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="log_chunks")
    attempt = models.PositiveIntegerField(default=1)
    client = models.CharField(max_length=64, blank=True)  # who sent it; "": the job's worker
    number = models.PositiveIntegerField()  # 0, 1, 2 ... within the attempt, of the client
    text = models.TextField()  # whole lines, each "HH:MM:SS LEVEL text\n" as captured
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "attempt", "client", "number"], name="one_log_per_number"
            ),
        ]
