"""The frame of every page: the rail with its pages and projects."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse

from dashboard.sheets import served
from experiments import access, inbox
from experiments.models import Project, User

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
    in_sheet: bool = False  # of a phone, whose bar has no room for it


@dataclass(frozen=True)
class NavProject:
    slug: str
    href: str
    runs: str
    current: bool


@register.simple_tag
def sheets() -> list[str]:
    """The style sheets of every page."""
    return served()


@register.filter
def words(text: str) -> list[str]:
    """The words of a string, for loops over a fixed list."""
    return text.split()


@register.inclusion_tag("dashboard/partials/_sidebar.html", takes_context=True)
def sidebar(context: dict[str, Any]) -> dict[str, Any]:
    """The rail: three queries, whatever the number of projects."""
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
    waiting = access.jobs_under_way(user)
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
            in_sheet=True,
        ),
    ]


def _projects(user: User, current: int | None) -> list[NavProject]:
    found = access.newest_projects(user, limit=PROJECTS_SHOWN, counted=MOST_COUNTED + 1)
    return [
        NavProject(
            slug=project.slug,
            href=reverse("project", args=[project.workspace, project.slug]),
            runs=_counted(project.runs),
            current=project.id == current,
        )
        for project in found
    ]


def _counted(runs: int) -> str:
    if not runs:
        return "new"
    return f"{runs:,}" if runs <= MOST_COUNTED else f"{MOST_COUNTED:,}+"
