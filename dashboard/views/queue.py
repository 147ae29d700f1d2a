"""The queue: what waits, what runs, what ended lately, and the workers that do it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from dashboard.live import render_live
from dashboard.queue_facts import queue_context
from dashboard.requests import SignedIn
from dashboard.scope import editable_job
from experiments import queue
from experiments.errors import Invalid
from experiments.models.jobs import JobStatus


@require_safe
def page(request: SignedIn) -> HttpResponse:
    """The page; the same view answers its live refresh."""
    context = queue_context(request.user)
    live = bool(context["running"] or context["waiting"])
    return render_live(request, "dashboard/queue.html", context, live=live)


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
