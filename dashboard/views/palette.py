"""The command palette's answers: pages, projects and runs that match what was typed."""

from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from dashboard import model_rows
from dashboard.requests import SignedIn
from experiments import access
from experiments.models import Project, RegisteredModel, Run

EACH = 8


@dataclass(frozen=True)
class Entry:
    """One line: opens `href`, or does `do` ("theme", "share")."""

    title: str
    hint: str
    href: str = ""
    do: str = ""


def palette(request: SignedIn) -> HttpResponse:
    """The list under the palette's input, as options."""
    query = request.GET.get("q", "").strip()
    groups = [
        ("Go to", _pages(query)),
        ("Projects", _projects(request, query)),
        ("Models", _models(request, query)),
        ("Runs", _runs(request, query)),
        ("Actions", _actions(query)),
    ]
    return render(request, "dashboard/partials/_palette_results.html", {"groups": groups})


def _pages(query: str) -> list[Entry]:
    entries = [
        Entry("Home", "g h", reverse("home")),
        Entry("Runs", "g r", reverse("runs")),
        Entry("Compare runs", "g c", "/compare/"),
        Entry("Models", "g m", reverse("models")),
        Entry("Adaptation playground", "", reverse("playground")),
        Entry("Queue and workers", "g q", reverse("queue")),
        Entry("Submit a job", "n", "/jobs/new/"),
        Entry("New project", "", reverse("project_new")),
        Entry("Colours of runs", "", reverse("appearance")),
        Entry("API tokens", "", reverse("tokens")),
        Entry("REST API documentation", "", "/api/v1/docs/"),
    ]
    return _matching(entries, query)


def _actions(query: str) -> list[Entry]:
    entries = [
        Entry("Switch light or dark theme", "t", do="theme"),
        Entry("Copy link to this view", "s", do="share"),
    ]
    return _matching(entries, query)


def _matching(entries: list[Entry], query: str) -> list[Entry]:
    return [entry for entry in entries if query.lower() in entry.title.lower()]


def _projects(request: SignedIn, query: str) -> list[Entry]:
    found = Project.objects.visible_to(request.user).select_related("workspace")
    if query:
        found = found.filter(Q(slug__icontains=query) | Q(name__icontains=query))
    return [
        Entry(p.slug, p.workspace.slug, reverse("project", args=[p.workspace.slug, p.slug]))
        for p in found.order_by("-id")[:EACH]
    ]


def _models(request: SignedIn, query: str) -> list[Entry]:
    mine = access.workspaces_of(request.user)
    found = RegisteredModel.objects.filter(workspace__in=mine).select_related("workspace")
    if query:
        found = found.filter(name__icontains=query)
    return [
        Entry(model.name, model.workspace.slug, model_rows.address(model))
        for model in found.order_by("-changed_at")[:EACH]
    ]


def _runs(request: SignedIn, query: str) -> list[Entry]:
    found = Run.objects.visible_to(request.user).select_related("project").filter(archived_at=None)
    if query:
        found = found.filter(Q(name__icontains=query) | Q(pk=query))
    return [
        Entry(f"{run.name} ({run.status})", run.project.slug, reverse("run", args=[run.pk]))
        for run in found.order_by("-id")[:EACH]
    ]
