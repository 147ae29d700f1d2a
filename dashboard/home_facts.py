"""What the home page says: running jobs, projects with their best, and what needs a hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Case, Count, F, FloatField, Max, Min, Q, When
from django.utils import timezone

from dashboard.charts.sparkline import Sparkline, sparkline
from dashboard.charts.theme import run_color, token
from dashboard.progress import Progress, progress_of
from experiments import reading
from experiments.models import Job, JobAttempt, Project, Run, RunStatus, Series, User
from experiments.models.jobs import JobStatus

RUNNING_SHOWN = 20
ATTENTION_SHOWN = 8
ATTENTION_DAYS = 7
SPARK_POINTS, SPARK_RUNS, SPARK_ROWS = 60, 60, 3000
STATUS_ORDER = ("queued", "running", "completed", "failed", "crashed", "cancelled")
NOTABLE = ("queued", "running", "failed", "crashed")
LIKELY_METRICS = ("validation/query_loss_step_1", "train/query_loss", "loss")


@dataclass(frozen=True)
class RunningJob:
    job: Job
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


def running_jobs(user: User) -> list[RunningJob]:
    """The jobs that run now, with the curve and last value of one metric; four queries."""
    jobs = list(
        Job.objects.filter(workspace__memberships__user=user, status=JobStatus.RUNNING)
        .select_related("run__project__workspace", "worker")
        .order_by("-id")[:RUNNING_SHOWN]
    )
    attempts = {(one.job_id, one.number): one for one in JobAttempt.objects.filter(job__in=jobs)}
    keys = _running_metrics([job.run for job in jobs])
    views = reading.series(list(keys), list(dict.fromkeys(keys.values())), width=SPARK_POINTS)
    curves = {(view.run_id, view.key): view for view in views}
    found = []
    for job in jobs:
        metric = keys.get(job.run_id, "")
        view = curves.get((job.run_id, metric))
        color = run_color(job.run.color_slot)
        found.append(
            RunningJob(
                job=job,
                progress=progress_of(job.run, attempts.get((job.pk, job.attempt))),
                metric=metric,
                last=float(view.last[-1]) if view is not None and len(view.last) else None,
                spark=None if view is None else sparkline(view.mean.tolist(), color=color),
            )
        )
    return found


def _running_metrics(runs: Sequence[Run]) -> dict[str, str]:
    """The metric that stands for each run: its project's main one where it was logged."""
    known = reading.series_keys([run.pk for run in runs])
    chosen = {}
    for run in runs:
        likely = (run.project.main_metric, *LIKELY_METRICS, *known[run.pk])
        metric = next((key for key in likely if key in known[run.pk]), "")
        if metric:
            chosen[run.pk] = metric
    return chosen


def project_cards(user: User) -> list[ProjectCard]:
    """Every project of the reader, the one with the newest run first."""
    projects = list(
        Project.objects.visible_to(user)
        .select_related("workspace")
        .annotate(newest=Max("runs__created_at"))
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


def _main_series(projects: Sequence[Project]) -> Any:
    """The main metric's rows of these projects, with `best`: the better end of each run."""
    best = Case(
        When(project__main_metric_direction="max", then=F("most")),
        default=F("least"),
        output_field=FloatField(),
    )
    rows = Series.objects.filter(
        project__in=projects, key=F("project__main_metric"), run__archived_at=None
    )
    return rows.annotate(best=best).filter(best__isnull=False)


def _bests(projects: Sequence[Project]) -> dict[int, tuple[float | None, int]]:
    rows = _main_series(projects).order_by().values("project_id")
    rows = rows.annotate(low=Min("least"), high=Max("most"), holders=Count("pk"))
    is_max = {p.pk: p.main_metric_direction == "max" for p in projects}
    return {
        row["project_id"]: (row["high" if is_max[row["project_id"]] else "low"], row["holders"])
        for row in rows
    }


def _sparks(projects: Sequence[Project]) -> dict[int, Sparkline]:
    """Best so far over the newest runs of each project, one point a run."""
    newest = _main_series(projects).filter(run__status=RunStatus.COMPLETED).order_by("-run_id")
    values: dict[int, list[float]] = {}
    for project_id, best in newest.values_list("project_id", "best")[:SPARK_ROWS]:
        if len(values.setdefault(project_id, [])) < SPARK_RUNS:
            values[project_id].append(best)
    found = {}
    for project in projects:
        better = max if project.main_metric_direction == "max" else min
        so_far: list[float] = []
        for value in reversed(values.get(project.pk, [])):
            so_far.append(better(so_far[-1], value) if so_far else value)
        spark = sparkline(so_far, color=token("accent"), width=140, height=30)
        if spark is not None:
            found[project.pk] = spark
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
        .order_by("-finished_at", "-id")[:ATTENTION_SHOWN]
    )
