"""What a reader can choose from on the submit page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F

from dashboard.submit.bases import PresetOption, preset_options
from dashboard.submit.bases import sources as accepted_sources
from experiments import access, announcements
from experiments.errors import Denied, Invalid
from experiments.models import Job, Project, Role, User, Worker
from experiments.models.jobs import JobStatus
from experiments.models.runs import newest_run_at
from experiments.wording import shown

DEFAULT_QUEUE = "default"


@dataclass(frozen=True)
class Algorithm:
    name: str
    title: str
    year: str
    summary: str
    family: str
    paper: str
    is_chosen: bool
    keeps_source: bool  # it can learn from the episodes shown now


@dataclass(frozen=True)
class Source:
    """An episode source; `missing` says what to download and where to put it."""

    name: str
    title: str
    summary: str
    missing: str
    is_chosen: bool


@dataclass(frozen=True)
class QueueOption:
    name: str
    live_workers: int
    waiting: int


def projects(user: User) -> list[Project]:
    """Where the user may submit, the one with the newest run first."""
    mine = access.projects_of(user, Role.MEMBER).filter(deleted_at=None)
    found = mine.annotate(newest=newest_run_at())
    newest_first = F("newest").desc(nulls_last=True)
    return list(found.select_related("workspace").order_by(newest_first, "slug"))


def project_named(user: User, name: str) -> Project:
    """The project "workspace/slug". Raises Invalid, or Denied for viewers, under "project"."""
    workspace, _, slug = name.partition("/")
    found = Project.objects.visible_to(user).filter(workspace__slug=workspace, slug=slug).first()
    if found is None:
        message = f"{shown(name)} is no project of yours. Choose one of your projects."
        raise Invalid(f"project: {message}", fields={"project": [message]})
    try:
        access.require(user, found, Role.MEMBER)
    except Denied as denied:
        raise Denied(denied.message, fields={"project": [denied.message]}) from None
    return found


def defaults(user: User, found: Sequence[Project]) -> dict[str, str]:
    """The options of a form nobody touched: the project of the user's last job among `found`, else
    of anybody's last job there, else the first."""
    jobs = Job.objects.filter(run__project__in=found).order_by("-id")
    of_jobs = jobs.values_list("run__project_id", flat=True)
    used = of_jobs.filter(submitted_by=user).first() or of_jobs.first()
    chosen = next((one for one in found if one.pk == used), found[0])
    return {
        "project": f"{chosen.workspace.slug}/{chosen.slug}",
        "queue": DEFAULT_QUEUE,
        "priority": "0",
        "seeds": "0",
    }


def algorithms(
    trainers: Mapping[str, Mapping[str, Any]], chosen: str, source: str
) -> list[Algorithm]:
    """The cards, in the order of `trainers`: as announced, the one to try first at the front."""
    return [
        Algorithm(
            name=name,
            title=one.get("title", name),
            year=str(one.get("year", "")),
            summary=one.get("summary", ""),
            family=one.get("family", ""),
            paper=one.get("paper", ""),
            is_chosen=name == chosen,
            keeps_source=source in accepted_sources(one["schema"]),
        )
        for name, one in trainers.items()
    ]


def sources(trainer: Mapping[str, Any], chosen: str) -> list[Source]:
    """The episode sources that the algorithm takes, with what their data lacks."""
    announced = announcements.distributions()
    found = []
    for name in accepted_sources(trainer["schema"]):
        one = announced.get(name, {})
        available = one.get("available", True)
        missing = "" if available else one.get("missing") or "Its data is missing on the workers."
        found.append(
            Source(
                name, one.get("title", name), one.get("summary", ""), missing, name == chosen
            )
        )  # fmt: skip
    return found


def presets(trainer: Mapping[str, Any]) -> list[PresetOption]:
    """The presets of an algorithm."""
    return preset_options(trainer)


def queues(user: User, chosen: str) -> list[QueueOption]:
    """Queues that workers serve, and the one that was asked for."""
    live: dict[str, int] = {}
    for worker in Worker.objects.all():
        for queue in worker.queues:
            live[queue] = live.get(queue, 0) + announcements.is_live(worker)
    waiting = dict(
        Job.objects.filter(run__project__in=access.projects_of(user), status=JobStatus.QUEUED)
        .values_list("queue")
        .annotate(Count("pk"))
    )
    names = sorted({DEFAULT_QUEUE, chosen, *live} - {""})
    return [QueueOption(name, live.get(name, 0), waiting.get(name, 0)) for name in names]


def samples(source: str) -> Any:
    """Announced samples of a source for the preview; None when there are none."""
    return announcements.distributions().get(source, {}).get("samples") or None
