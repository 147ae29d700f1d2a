"""The queue: what waits, what runs, what ended lately, and the workers that do it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from dashboard.live import render_live
from dashboard.progress import progress_of
from dashboard.requests import SignedIn
from dashboard.scope import editable_job
from dashboard.workers import unserved_queues, worker_views
from experiments import queue
from experiments.errors import Invalid
from experiments.models import Job, JobAttempt, Membership, Role
from experiments.models.jobs import JobStatus

WAITING_SHOWN = 200
ENDED_SHOWN = 30
PRIORITIES = ((10, "high"), (0, "normal"), (-10, "low"))


@require_safe
def page(request: SignedIn) -> HttpResponse:
    """The page; the same view answers its live refresh."""
    context = _context(request)
    live = bool(context["running"] or context["waiting"])
    return render_live(request, "dashboard/queue.html", context, live=live)


def _context(request: SignedIn) -> dict[str, Any]:
    jobs = Job.objects.filter(workspace__memberships__user=request.user).select_related(
        "run__project__workspace", "workspace", "worker", "submitted_by"
    )
    waiting = jobs.filter(status=JobStatus.QUEUED)
    shown = list(waiting.order_by("-priority", "id")[:WAITING_SHOWN])
    running = list(jobs.filter(status=JobStatus.RUNNING).order_by("id"))
    attempts = _attempts(running)
    ended = jobs.exclude(status__in=(JobStatus.QUEUED, JobStatus.RUNNING))
    workers = worker_views()
    return {
        "waiting": shown,
        "waiting_count": waiting.count(),
        "running": [
            (job, progress_of(job.run, attempts.get((job.pk, job.attempt)))) for job in running
        ],
        "ended": ended.order_by("-finished_at", "-id")[:ENDED_SHOWN],
        "workers": workers,
        "unserved": unserved_queues(workers, shown),
        "priorities": PRIORITIES,
        "editable": _editable(request),
    }


def _attempts(jobs: list[Job]) -> dict[tuple[str, int], JobAttempt]:
    """Attempts by job and number, in one query for all."""
    return {(one.job_id, one.number): one for one in JobAttempt.objects.filter(job__in=jobs)}


def _editable(request: SignedIn) -> set[int]:
    """Ids of the workspaces in which the reader may change jobs."""
    mine = Membership.objects.filter(user=request.user)
    return {one.workspace_id for one in mine if Role(one.role).allows(Role.MEMBER)}


@require_POST
def cancel(request: SignedIn, job_id: str) -> HttpResponse:
    """Cancels a queued job at once; asks a running one to stop after its next checkpoint."""
    job = queue.cancel(editable_job(request, job_id))
    asked = job.status == JobStatus.RUNNING
    said = "is asked to stop; its points are kept" if asked else "is cancelled"
    messages.success(request, f"{job.run.name} {said}.")
    return _back(request)


@require_POST
def retry(request: SignedIn, job_id: str) -> HttpResponse:
    """Queues a failed or cancelled job again, from its last checkpoint unless told otherwise."""
    from_start = request.POST.get("from_start") == "1"
    job = queue.retry(editable_job(request, job_id), from_start=from_start)
    start = "from the start" if from_start else "from its last checkpoint"
    messages.success(request, f"{job.run.name} is queued again, {start}.")
    return _back(request)


@require_POST
def prioritise(request: SignedIn, job_id: str) -> HttpResponse:
    """Moves a waiting job."""
    try:
        priority = int(request.POST.get("priority", ""))
    except ValueError:
        problem = "Use a whole number from -10 to 10."
        raise Invalid(problem, fields={"priority": [problem]}) from None
    job = queue.set_priority(editable_job(request, job_id), priority)
    messages.success(request, f"{job.run.name} has priority {job.priority} now.")
    return _back(request)


def _back(request: SignedIn) -> HttpResponse:
    """To the run when asked for from its page, otherwise to the queue."""
    run_id = request.POST.get("run", "")
    return redirect("run", run_id) if run_id else redirect("queue")
