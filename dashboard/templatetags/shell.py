"""The frame of every page: the rail with its pages and projects."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import F
from django.urls import reverse

from experiments import access, inbox
from experiments.models import Job, Project, Run, User
from experiments.models.jobs import JobStatus
from experiments.models.runs import newest_run_at

register = template.Library()

PROJECTS_SHOWN = 12
MOST_COUNTED = 9_999  # runs of a project: every page counts them


@dataclass(frozen=True)
class NavItem:
    title: str
    href: str
    icon: str
    current: bool
    count: int = 0


@dataclass(frozen=True)
class NavProject:
    slug: str
    href: str
    runs: str
    current: bool


@register.filter
def words(text: str) -> list[str]:
    """The words of a string, for loops over a fixed list."""
    return text.split()


@register.inclusion_tag("dashboard/partials/_sidebar.html", takes_context=True)
def sidebar(context: dict[str, Any]) -> dict[str, Any]:
    """The rail: four queries, whatever the number of projects."""
    request = context["request"]
    user: User = request.user
    current = context.get("project")
    here = request.resolver_match.url_name if request.resolver_match else ""
    return {
        "user": user,
        "pages": _pages(user, here),
        "projects": _projects(user, current.pk if isinstance(current, Project) else None),
    }


def _pages(user: User, here: str) -> list[NavItem]:
    waiting = Job.objects.filter(
        run__project__in=access.projects_of(user), status__in=(JobStatus.QUEUED, JobStatus.RUNNING)
    ).count()
    runs = here in ("runs", "project", "run", "project_new")
    return [
        NavItem("Home", reverse("home"), "home", here == "home"),
        NavItem("Runs", reverse("runs"), "runs", runs),
        NavItem("Compare", "/compare/", "compare", here.startswith("compare")),
        NavItem("Models", reverse("models"), "box", here.startswith("model")),
        NavItem("New job", "/jobs/new/", "job", here.startswith("job_new")),
        NavItem("Queue", reverse("queue"), "queue", here == "queue", waiting),
        NavItem(
            "Inbox",
            reverse("notifications"),
            "bell",
            here == "notifications",
            inbox.unread_count(user),
        ),
    ]


def _projects(user: User, current: int | None) -> list[NavProject]:
    visible = Project.objects.visible_to(user).annotate(newest=newest_run_at())
    newest_first = F("newest").desc(nulls_last=True)
    projects = list(
        visible.select_related("workspace").order_by(newest_first, "slug")[:PROJECTS_SHOWN]
    )
    return [
        NavProject(
            slug=project.slug,
            href=reverse("project", args=[project.workspace.slug, project.slug]),
            runs=_counted(project),
            current=project.pk == current,
        )
        for project in projects
    ]


def _counted(project: Project) -> str:
    runs = Run.objects.filter(project=project, archived_at=None).order_by()
    count = runs[: MOST_COUNTED + 1].count()
    if not count:
        return "new"
    return f"{count:,}" if count <= MOST_COUNTED else f"{MOST_COUNTED:,}+"
