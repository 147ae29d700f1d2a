"""/jobs/: submit, watch and steer what workers execute."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import lifecycle, queue
from experiments.access import Place
from experiments.api.auth import SIGNED_IN, seen
from experiments.api.docs import documented
from experiments.api.fields import Input, Object, Output, Text, Texts, Whole
from experiments.api.idempotency import idempotent
from experiments.api.v1.run_shapes import Nothing
from experiments.api.views import ApiView, BodyProjectView, find_project, or_not_found
from experiments.errors import Invalid
from experiments.models import Job, Role
from experiments.models.jobs import JobStatus


class JobOutput(Output):
    """A job in a list."""

    id = serializers.CharField()
    run = serializers.CharField(source="run_id")
    name = serializers.CharField(source="run.name")
    project = serializers.SerializerMethodField()
    trainer = serializers.CharField()
    queue = serializers.CharField()
    priority = serializers.IntegerField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    reason = serializers.CharField()
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    worker = serializers.CharField(source="worker.name", allow_null=True, default=None)
    progress_step = serializers.IntegerField(source="run.progress_step", allow_null=True)
    progress_total = serializers.IntegerField(source="run.progress_total", allow_null=True)
    submitted_by = serializers.CharField(
        source="submitted_by.username", allow_null=True, default=None
    )
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_project(self, job: Job) -> str:
        return f"{job.workspace.slug}/{job.run.project.slug}"


class AttemptOutput(Output):
    number = serializers.IntegerField()
    worker = serializers.CharField(source="worker_name")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    resumed_from_step = serializers.IntegerField(allow_null=True)
    outcome = serializers.CharField()
    reason = serializers.CharField()


class JobDetailOutput(JobOutput):
    """A job by itself."""

    spec = serializers.DictField()
    attempts = serializers.SerializerMethodField()

    def get_attempts(self, job: Job) -> list[dict[str, Any]]:
        rows = sorted(job.attempts.all(), key=lambda row: row.number)
        return [dict(AttemptOutput(row).data) for row in rows]


class SubmittedOutput(Output):
    jobs = JobDetailOutput(many=True)


class JobInput(Input):
    project = Text(help_text="'slug' or 'workspace/slug'.")
    spec = Object(help_text="See the schema of the algorithm at /trainers/<name>/.")
    seeds = serializers.ListField(child=Whole(), required=False, help_text="One run per seed.")
    seed = Whole(required=False, help_text="Short for seeds with one entry.")
    name = Text(required=False, allow_blank=True)
    queue = Text(required=False)
    priority = Whole(required=False, help_text="-10 to 10; larger first.")
    tags = Texts(required=False)
    notes = Text(required=False, allow_blank=True)
    max_attempts = Whole(required=False, help_text="1 to 10.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "seed" in attrs and "seeds" in attrs:
            raise serializers.ValidationError({"seed": "Give either seed or seeds."})
        return attrs


class PriorityInput(Input):
    priority = Whole()


EXAMPLE: dict[str, Any] = {
    "id": "1jh3v9r7m8d1t5fy",
    "run": "1jh3v9r7k2m0c4qx",
    "name": "maml-sinusoid-s0",
    "project": "lab/sinusoid",
    "trainer": "maml",
    "queue": "default",
    "priority": 0,
    "status": "running",
    "reason": "",
    "attempt": 1,
    "max_attempts": 3,
    "worker": "box/default",
    "progress_step": 1200,
    "progress_total": 20000,
    "submitted_by": "ada",
    "cancel_requested_at": None,
    "created_at": "2026-11-23T12:00:00Z",
    "finished_at": None,
}
SPEC_EXAMPLE = {
    "algorithm": "maml",
    "episodes": {"source": "sinusoid", "shot": 10},
    "outer": {"lr": 0.001, "steps": 5000},
}
DETAIL_EXAMPLE = {
    **EXAMPLE,
    "spec": SPEC_EXAMPLE,
    "attempts": [
        {
            "number": 1,
            "worker": "box/default",
            "started_at": "2026-11-23T12:00:02Z",
            "ended_at": None,
            "resumed_from_step": None,
            "outcome": "",
            "reason": "",
        }
    ],
}


def listed(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """With all that JobOutput shows."""
    return jobs.select_related("run__project", "workspace", "worker", "submitted_by")


class Jobs(BodyProjectView):
    needed = {"GET": SIGNED_IN, "POST": Role.MEMBER}

    @documented(
        "jobs_list",
        "List jobs, newest first",
        answer=JobOutput,
        example=EXAMPLE,
        paged=True,
        query=[
            ("project", str, "'slug' or 'workspace/slug'."),
            ("status", str, "One status, or several with commas."),
            ("queue", str, "Jobs of this queue."),
        ],
    )
    def get(self, request: Request) -> Response:
        rows = Job.objects.filter(seen(request, "run__project"))
        asked = request.query_params
        if name := asked.get("project"):
            rows = rows.filter(run__project=find_project(request, name))
        if text := asked.get("status"):
            rows = rows.filter(status__in=_statuses(text))
        if name := asked.get("queue"):
            rows = rows.filter(queue=name)
        return self.pages.page(
            request, listed(rows), by="-id", show=lambda some: JobOutput(some, many=True).data
        )

    @documented(
        "jobs_submit",
        "Submit a job",
        description="Queues one run per seed, all or none. Every error names its field, such as "
        "spec.outer.lr. What algorithms there are, and their settings: /trainers/.",
        answer=SubmittedOutput,
        example={"jobs": [{**DETAIL_EXAMPLE, "status": "queued", "attempt": 0, "attempts": []}]},
        status=201,
        body=JobInput,
        body_example={"project": "lab/sinusoid", "spec": SPEC_EXAMPLE, "seeds": [0, 1]},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        asked = self.read(JobInput)
        del asked["project"]
        if "seed" in asked:
            asked["seeds"] = [asked.pop("seed")]
        jobs = lifecycle.submit_job(project=self.project, user=self.caller, **asked)
        return Response({"jobs": JobDetailOutput(jobs, many=True).data}, status=201)


def _statuses(text: str) -> list[str]:
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in JobStatus.values]:
        message = f"{unknown[0][:60]!r} is none of {', '.join(JobStatus.values)}."
        raise Invalid(f"status: {message}", fields={"status": [message]})
    return wanted


class JobView(ApiView):
    """Below /jobs/<job_id>/."""

    @property
    def job(self) -> Job:
        if not hasattr(self, "_job"):
            rows = Job.objects.filter(seen(self.request, "run__project"), pk=self.kwargs["job_id"])
            self._job = or_not_found(listed(rows).first())
        return self._job

    def find_place(self) -> Place:
        return self.job.run.project


class JobDetail(JobView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "jobs_get", "One job with its attempts", answer=JobDetailOutput, example=DETAIL_EXAMPLE
    )
    def get(self, request: Request, job_id: str) -> Response:
        return Response(JobDetailOutput(self.job).data)


class JobCancel(JobView):
    needed = {"POST": Role.MEMBER}

    @documented(
        "jobs_cancel",
        "Cancel a job",
        description="A queued job is cancelled at once; a running one stops within seconds and "
        "keeps its points.",
        answer=JobDetailOutput,
        example=DETAIL_EXAMPLE,
        body=Nothing,
        body_example={},
    )
    def post(self, request: Request, job_id: str) -> Response:
        self.read(Nothing)
        return Response(JobDetailOutput(queue.cancel(self.job)).data)


class JobRetry(JobView):
    needed = {"POST": Role.MEMBER}

    @documented(
        "jobs_retry",
        "Queue a failed or cancelled job again",
        description="It continues from its last checkpoint.",
        answer=JobDetailOutput,
        example=DETAIL_EXAMPLE,
        body=Nothing,
        body_example={},
    )
    def post(self, request: Request, job_id: str) -> Response:
        self.read(Nothing)
        return Response(JobDetailOutput(queue.retry(self.job)).data)


class JobPriority(JobView):
    needed = {"POST": Role.MEMBER}

    @documented(
        "jobs_priority",
        "Move a queued job",
        answer=JobDetailOutput,
        example=DETAIL_EXAMPLE,
        body=PriorityInput,
        body_example={"priority": 10},
    )
    def post(self, request: Request, job_id: str) -> Response:
        priority = self.read(PriorityInput)["priority"]
        return Response(JobDetailOutput(queue.set_priority(self.job, priority)).data)
