"""What the queue page says: the jobs that run, wait and ended lately, and who works on them."""

from typing import Any

from django.db.models import QuerySet

from dashboard.progress import Progress, progress_of
from dashboard.workers import unserved_queues, worker_views
from experiments import access
from experiments.models import Job, JobAttempt, Role, User
from experiments.models.jobs import JobStatus

WAITING_SHOWN = 100
ENDED_SHOWN = 30
PRIORITIES = ((10, "high"), (0, "normal"), (-10, "low"))


def queue_context(user: User) -> dict[str, Any]:
    """Everything the page's template needs, of the projects that the reader may see."""
    jobs = Job.objects.filter(run__project__in=access.projects_of(user))
    waiting = jobs.filter(status=JobStatus.QUEUED)
    running = jobs.filter(status=JobStatus.RUNNING)
    workers = worker_views()
    return {
        "waiting": list(waiting.listed().order_by("-priority", "id")[:WAITING_SHOWN]),
        "waiting_count": waiting.count(),
        "running": _with_progress(list(running.listed().order_by("id"))),
        "ended": _ended(jobs),
        "workers": workers,
        "unserved": unserved_queues(workers, waiting),
        "priorities": PRIORITIES,
        "editable": _editable(user),
    }


def _ended(jobs: QuerySet[Job]) -> list[Job]:
    """The last to end. Which they are, an index knows; only these are read."""
    rows = jobs.filter(finished_at__isnull=False).order_by("-finished_at", "-id")
    ids = list(rows.values_list("pk", flat=True)[:ENDED_SHOWN])
    found = Job.objects.listed().in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _with_progress(jobs: list[Job]) -> list[tuple[Job, Progress | None]]:
    """The jobs with how far they are; one query for the attempts of all."""
    rows = JobAttempt.objects.filter(job__in=jobs)
    attempts = {(one.job_id, one.number): one for one in rows}
    return [(job, progress_of(job.run, attempts.get((job.pk, job.attempt)))) for job in jobs]


def _editable(user: User) -> set[int]:
    """Ids of the projects in which the reader may change jobs."""
    return set(access.projects_of(user, Role.MEMBER).values_list("pk", flat=True))
