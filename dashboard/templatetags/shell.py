"""The frame of every page: the rail with its pages and projects."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import Count, Max, Q, QuerySet
from django.urls import reverse

from experiments.models import Job, Project, User
from experiments.models.jobs import JobStatus

register = template.Library()

PROJECTS_SHOWN = 12


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
    runs: int
    current: bool


@register.filter
def words(text: str) -> list[str]:
    """The words of a string, for loops over a fixed list."""
    return text.split()


@register.inclusion_tag("dashboard/partials/_sidebar.html", takes_context=True)
def sidebar(context: dict[str, Any]) -> dict[str, Any]:
    """The rail: two queries, whatever the number of projects."""
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
        workspace__memberships__user=user, status__in=(JobStatus.QUEUED, JobStatus.RUNNING)
    ).count()
    runs = here in ("runs", "project", "run", "project_new")
    return [
        NavItem("Home", reverse("home"), "home", here == "home"),
        NavItem("Runs", reverse("runs"), "runs", runs),
        NavItem("Compare", "/compare/", "compare", here.startswith("compare")),
        NavItem("New job", "/jobs/new/", "job", here.startswith("job_new")),
        NavItem("Queue", reverse("queue"), "queue", here == "queue", waiting),
    ]


def _projects(user: User, current: int | None) -> list[NavProject]:
    projects: QuerySet[Any] = (
        Project.objects.visible_to(user)
        .select_related("workspace")
        .annotate(
            run_count=Count("runs", filter=Q(runs__archived_at=None)),
            newest=Max("runs__created_at"),
        )
        .order_by("-newest", "slug")[:PROJECTS_SHOWN]
    )
    return [
        NavProject(
            slug=project.slug,
            href=reverse("project", args=[project.workspace.slug, project.slug]),
            runs=project.run_count,
            current=project.pk == current,
        )
        for project in projects
    ]
