"""How runs are written and read in JSON, with examples."""

from typing import Any

from django.db.models import Max
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from experiments.api.fields import Choice, Input, Moment, Object, Output, Text, Texts, Whole
from experiments.directions import MACHINE
from experiments.models import Run, RunStatus
from experiments.models.runs import COLORS

MOST_REWINDS = 100  # the latest
CLIENT_ENDS = ["completed", "failed", "cancelled"]


class RewindOutput(Output):
    """What was dropped when a run was taken back to a step."""

    at = serializers.DateTimeField()
    attempt = serializers.IntegerField(allow_null=True, help_text="Of its job; null: a client's.")
    after_step = serializers.IntegerField()
    points = serializers.IntegerField()
    evaluations = serializers.IntegerField()


class RunOutput(Output):
    """A run in a list."""

    id = serializers.CharField()
    project = serializers.SerializerMethodField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    status_reason = serializers.CharField()
    exit_code = serializers.IntegerField(
        allow_null=True, help_text="Of the script's process; null: not known."
    )
    group = serializers.CharField()
    parent = serializers.CharField(  # type: ignore[assignment]
        source="parent_id", allow_null=True, help_text="The run of its project it is nested in."
    )
    seed = serializers.IntegerField(allow_null=True)
    color = serializers.IntegerField(
        allow_null=True, help_text="1 to 20, as a member chose it; null: by its number."
    )
    tags = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField()
    progress_step = serializers.IntegerField(allow_null=True)
    progress_total = serializers.IntegerField(allow_null=True)
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True, help_text="In the trash since.")

    def get_project(self, run: Run) -> str:
        return f"{run.project.workspace.slug}/{run.project.slug}"

    def get_tags(self, run: Run) -> list[str]:
        return run.labels

    def get_job(self, run: Run) -> str | None:
        return run.job.pk if hasattr(run, "job") else None


class RunDetailOutput(RunOutput):
    """A run by itself."""

    params = serializers.DictField()
    summary = serializers.DictField()
    notes = serializers.CharField()
    command = serializers.CharField()
    origin = serializers.CharField(
        allow_null=True, help_text="What the client that made it calls it."
    )
    snapshot = serializers.CharField(
        source="snapshot.digest", allow_null=True, default=None, help_text="Digest of its code."
    )
    children = serializers.SerializerMethodField(help_text="How many runs are nested in it.")
    last_step = serializers.SerializerMethodField(
        help_text="The largest of its metrics, those of the machine (system/) aside; null: none."
    )
    rewinds = serializers.SerializerMethodField(help_text="When later points were dropped.")

    def get_children(self, run: Run) -> int:
        return run.children.filter(deleted_at=None).count()

    def get_last_step(self, run: Run) -> int | None:
        ours = run.series.exclude(key__startswith=MACHINE)
        found: int | None = ours.aggregate(Max("last_step"))["last_step__max"]
        return found

    @extend_schema_field(RewindOutput(many=True))
    def get_rewinds(self, run: Run) -> Any:
        return RewindOutput(run.rewinds.order_by("-pk")[:MOST_REWINDS], many=True).data


class RunInput(Input):
    project = Text(help_text="'slug' or 'workspace/slug'.")
    name = Text(required=False, allow_blank=True)
    params = Object(required=False)
    tags = Texts(required=False)
    notes = Text(required=False, allow_blank=True)
    group = Text(required=False, allow_blank=True)
    parent = Text(  # type: ignore[assignment]
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="The id of a run of the project that this one is nested in.",
    )
    parent_origin = Text(
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="Instead of the parent's id, the origin that its client gave it.",
    )
    seed = Whole(required=False, allow_null=True, min_value=-(2**63), max_value=2**63 - 1)
    environment = Object(required=False)
    command = Text(required=False, allow_blank=True)
    origin = Text(
        required=False,
        allow_null=True,
        help_text="Yours, unique in the project, such as a UUID: sent again, the same run answers.",
    )
    id = Text(
        required=False,
        allow_null=True,
        help_text="For the run, made by you: 16 characters of Crockford's base 32, of which the "
        "first 9 are the milliseconds since 1970. Taken where it is one and no run ever had it; "
        "the answer has the one that counts.",
    )

    started_at = Moment(
        required=False,
        allow_null=True,
        help_text="By the client's clock, where it could not be sent at once; a time that cannot "
        "be, such as one to come, counts as now.",
    )


class RunChange(Input):
    name = Text(required=False)
    notes = Text(required=False, allow_blank=True)
    tags = Texts(required=False)
    group = Text(required=False, allow_blank=True)
    parent = Text(  # type: ignore[assignment]
        required=False,
        allow_blank=True,
        help_text="Nests it in another run of its project, not below itself; empty: in none.",
    )
    color = Whole(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=COLORS,
        help_text="On every page; null: the one that its number gives.",
    )


class ParamsInput(Input):
    params = Object()


class SummaryInput(Input):
    summary = Object()


class EnvironmentBody(Input):
    environment = Object()


class FinishInput(Input):
    status = Choice(choices=CLIENT_ENDS, default="completed")
    reason = Text(required=False, allow_blank=True, max_length=10_000)
    exit_code = Whole(
        required=False, allow_null=True, min_value=0, max_value=255,
        help_text="Of the script's process, where it is known.",
    )  # fmt: skip
    summary = Object(required=False)
    finished_at = Moment(
        required=False, allow_null=True, help_text="By the client's clock, as `started_at` is."
    )


class ReasonInput(Input):
    reason = Text(required=False, allow_blank=True, max_length=10_000)


class ResumeInput(Input):
    after_step = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=-(2**63),
        max_value=2**63 - 1,
        help_text="Later points and evaluations are dropped; null: nothing is.",
    )


class Nothing(Input):
    """An action without arguments: an empty object or an empty body."""


EXAMPLE: dict[str, Any] = {
    "id": "1jh3v9r7k2m0c4qx",
    "project": "lab/sinusoid",
    "name": "maml-sinusoid-s0",
    "number": 12,
    "status": "running",
    "status_reason": "",
    "exit_code": None,
    "group": "maml-sinusoid",
    "parent": None,
    "seed": 0,
    "color": None,
    "tags": ["paper"],
    "job": "1jh3v9r7m8d1t5fy",
    "progress_step": 1200,
    "progress_total": 20000,
    "created_by": "ada",
    "created_at": "2026-11-23T12:00:00Z",
    "started_at": "2026-11-23T12:00:02Z",
    "finished_at": None,
    "heartbeat_at": "2026-11-23T12:00:31Z",
    "archived_at": None,
    "deleted_at": None,
}
DETAIL_EXAMPLE = {
    **EXAMPLE,
    "params": {"algorithm": "maml", "outer": {"lr": 0.001}},
    "summary": {},
    "notes": "",
    "command": "",
    "origin": None,
    "snapshot": "9f2c4e0b5d6a7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708",
    "children": 0,
    "last_step": 19999,
    "rewinds": [],
}
EXAMPLE_INPUT = {
    "project": "lab/sinusoid",
    "name": "my-script",
    "params": {"lr": 0.01, "network": {"hidden": [40, 40]}},
    "tags": ["baseline"],
    "seed": 0,
}
