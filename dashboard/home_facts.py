"""What the home page says: what runs, projects with their best, and what needs a hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from itertools import accumulate
from operator import or_
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from dashboard.charts.sparkline import Sparkline, sparkline
from dashboard.charts.theme import run_color, token
from dashboard.metric_names import headline
from dashboard.progress import Progress, progress_of
from dashboard.run_facts import job_of
from dashboard.workers import unserved_queues, worker_views
from experiments import access, reading
from experiments.models import Job, JobAttempt, Project, Role, Run, RunStatus, Series, User
from experiments.models.jobs import JobStatus
from experiments.models.runs import DOCUMENTS, newest_run_at

RUNNING_SHOWN = 20
ATTENTION_SHOWN = 8
ATTENTION_DAYS = 7
SPARK_POINTS, SPARK_RUNS = 60, 60
STATUS_ORDER = ("queued", "running", "completed", "failed", "crashed", "cancelled")
NOTABLE = ("queued", "running", "failed", "crashed")


@dataclass(frozen=True)
class RunningRun:
    """`job` is None for a run of a script."""

    run: Run
    job: Job | None
    progress: Progress | None
    metric: str
    last: float | None
    spark: Sparkline | None


@dataclass(frozen=True)
class ProjectCard:
    """`best` is the main metric's best over all runs that logged it, `holders` of them."""

    project: Project
    runs: int
    statuses: tuple[tuple[str, int], ...]
    best: float | None
    holders: int
    spark: Sparkline | None

    @property
    def notable(self) -> str:
        """ "4 queued · 2 running · 3 failed"."""
        return " · ".join(f"{n} {status}" for status, n in self.statuses if status in NOTABLE)


def home_context(user: User) -> dict[str, Any]:
    """Everything the page's template needs, of the reader's workspaces."""
    queued = Job.objects.filter(run__project__in=access.projects_of(user), status=JobStatus.QUEUED)
    workers = worker_views()
    attention = needs_attention(user)
    silent = [worker for worker in workers if not worker.is_live]
    unserved = unserved_queues(workers, queued)
    mine = access.projects_of(user, Role.MEMBER).filter(deleted_at=None)
    editable_in = set(mine.values_list("pk", flat=True))
    running = running_runs(user)
    return {
        "running": running,
        "running_count": _count_of(running, user),
        "waiting": queued.count(),
        "cards": project_cards(user),
        "attention": attention,
        "silent": silent,
        "unserved": unserved,
        "attention_count": len(attention) + len(silent) + len(unserved),
        "workers": workers,
        "live_workers": sum(worker.is_live for worker in workers),
        "editable": bool(editable_in) or _may_make_projects(user),
        "editable_in": editable_in,
    }


def _may_make_projects(user: User) -> bool:
    return any(Role(one.role).allows(Role.MEMBER) for one in user.memberships.all())


def running_runs(user: User) -> list[RunningRun]:
    """What runs now, jobs and scripts, the newest first, with the curve and last value of one
    metric; four queries."""
    runs = list(
        _running(user)
        .select_related("project", "job__worker")
        .defer("job__spec", *DOCUMENTS)
        .order_by("-id")[:RUNNING_SHOWN]
    )
    jobs = {run.pk: job for run in runs if (job := job_of(run)) is not None}
    attempts = {
        (one.job_id, one.number): one for one in JobAttempt.objects.filter(job__in=jobs.values())
    }
    keys = _running_metrics(runs)
    views = reading.series(list(keys), list(dict.fromkeys(keys.values())), width=SPARK_POINTS)
    curves = {(view.run_id, view.key): view for view in views}
    found = []
    for run in runs:
        job = jobs.get(run.pk)
        metric = keys.get(run.pk, "")
        view = curves.get((run.pk, metric))
        color = run_color(run.color_slot)
        attempt = attempts.get((job.pk, job.attempt)) if job else None
        found.append(
            RunningRun(
                run=run,
                job=job,
                progress=progress_of(run, attempt),
                metric=metric,
                last=float(view.last[-1]) if view is not None and len(view.last) else None,
                spark=None if view is None else sparkline(view.mean.tolist(), color=color),
            )
        )
    return found


def _running(user: User) -> QuerySet[Run]:
    return Run.objects.visible_to(user).filter(status=RunStatus.RUNNING, archived_at=None)


def _count_of(shown: Sequence[RunningRun], user: User) -> int:
    """How many run, also beyond those shown."""
    return len(shown) if len(shown) < RUNNING_SHOWN else _running(user).count()


def _running_metrics(runs: Sequence[Run]) -> dict[str, str]:
    """The metric that speaks for each run; runs without one are left out."""
    known = reading.series_keys([run.pk for run in runs])
    chosen = {run.pk: headline(known[run.pk], run.project.main_metric) for run in runs}
    return {run_id: metric for run_id, metric in chosen.items() if metric is not None}


def project_cards(user: User) -> list[ProjectCard]:
    """Every project of the reader, the one with the newest run first."""
    projects = list(
        Project.objects.visible_to(user)
        .select_related("workspace")
        .annotate(newest=newest_run_at())
        .order_by(F("newest").desc(nulls_last=True), "slug")
    )
    counts = _status_counts(projects)
    bests = _bests(projects)
    sparks = _sparks(projects)
    return [
        ProjectCard(
            project=project,
            runs=sum(n for _, n in counts.get(project.pk, ())),
            statuses=counts.get(project.pk, ()),
            best=bests.get(project.pk, (None, 0))[0],
            holders=bests.get(project.pk, (None, 0))[1],
            spark=sparks.get(project.pk),
        )
        for project in projects
    ]


def _status_counts(projects: Sequence[Project]) -> dict[int, tuple[tuple[str, int], ...]]:
    rows = Run.objects.filter(project__in=projects, archived_at=None).order_by()
    counts: dict[int, dict[str, int]] = {}
    for project_id, status, n in rows.values_list("project_id", "status").annotate(n=Count("pk")):
        counts.setdefault(project_id, {})[status] = n
    return {
        pk: tuple((status, of[status]) for status in STATUS_ORDER if status in of)
        for pk, of in counts.items()
    }


def _main_series(projects: Sequence[Project]) -> list[tuple["QuerySet[Series]", str, bool]]:
    """The main metric's rows of these projects, the column of a run's best, and whether more is
    better: once for those where less is, once for the others.

    One condition a project: each is a range of an index that holds all that is asked for.
    """
    found = []
    for direction, column in (("min", "least"), ("max", "most")):
        conditions = [
            Q(project=one.pk, key=one.main_metric)
            for one in projects
            if one.main_metric and one.main_metric_direction == direction
        ]
        if conditions:
            rows = Series.objects.filter(reduce(or_, conditions), **{f"{column}__isnull": False})
            found.append((rows.order_by(), column, direction == "max"))
    return found


def _bests(projects: Sequence[Project]) -> dict[int, tuple[float | None, int]]:
    """The best of all listed runs of each project, and how many have the metric."""
    listed = Run.objects.filter(project__in=projects, archived_at=None).values("pk")
    found = {}
    for rows, column, is_max in _main_series(projects):
        best = Max(column) if is_max else Min(column)
        grouped = rows.filter(run__in=listed).values_list("project_id")
        for project_id, value, holders in grouped.annotate(best, holders=Count("pk")):
            found[project_id] = value, holders
    return found


def _sparks(projects: Sequence[Project]) -> dict[int, Sparkline]:
    """Best so far over the newest completed runs of each project, one point a run."""
    completed = Run.objects.filter(
        project__in=projects, archived_at=None, status=RunStatus.COMPLETED
    )
    place = Window(RowNumber(), partition_by="project", order_by="-id")
    newest = completed.annotate(place=place).filter(place__lte=SPARK_RUNS).values_list("pk")
    ids = [pk for (pk,) in newest]
    found = {}
    for rows, column, is_max in _main_series(projects):
        values: dict[int, list[float]] = {}
        ordered = rows.filter(run__in=ids).order_by("run_id")
        for project_id, value in ordered.values_list("project_id", column):
            values.setdefault(project_id, []).append(value)
        for project_id, of in values.items():
            so_far = list(accumulate(of, max if is_max else min))
            spark = sparkline(so_far, color=token("accent"), width=140, height=30)
            if spark is not None:
                found[project_id] = spark
    return found


def needs_attention(user: User) -> list[Run]:
    """Runs that failed or crashed lately and were not archived, newest first."""
    since = timezone.now() - timedelta(days=ATTENTION_DAYS)
    bad = Q(status__in=(RunStatus.FAILED, RunStatus.CRASHED))
    recent = Q(finished_at__gte=since) | Q(finished_at=None, created_at__gte=since)
    return list(
        Run.objects.visible_to(user)
        .filter(bad & recent, archived_at=None)
        .select_related("project", "job")
        .defer("job__spec", *DOCUMENTS)
        .order_by("-finished_at", "-id")[:ATTENTION_SHOWN]
    )
