"""Making a project, and the way from "Runs" to the project last worked on."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.requests import SignedIn
from experiments import access, lifecycle
from experiments.errors import DomainError, Invalid
from experiments.models import Project, Role, Run, Workspace


@require_safe
def latest(request: SignedIn) -> HttpResponse:
    """To the run table of the project with the newest run; to the form when there is none."""
    run = Run.objects.visible_to(request.user).select_related("project__workspace").order_by("-id")
    newest = run.first()
    project = (
        newest.project
        if newest
        else Project.objects.visible_to(request.user).select_related("workspace").last()
    )
    if project is None:
        return redirect("project_new")
    return redirect("project", project.workspace.slug, project.slug)


@require_http_methods(["GET", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """The form for a new project; its errors stand at their fields."""
    errors: dict[str, list[str]] = {}
    if request.method == "POST":
        try:
            project = _create(request)
        except DomainError as error:
            errors = error.fields or {"name": [error.message]}
        else:
            return redirect("project", project.workspace.slug, project.slug)
    context = {"errors": errors, "values": request.POST, "workspaces": _workspaces(request)}
    return render(request, "dashboard/project_new.html", context, status=400 if errors else 200)


def _workspaces(request: SignedIn) -> list[Workspace]:
    """Those in which the reader may make projects."""
    roles = [role for role in Role if role.allows(Role.MEMBER)]
    mine = Workspace.objects.filter(memberships__user=request.user, memberships__role__in=roles)
    return list(mine.order_by("slug"))


def _create(request: SignedIn) -> Project:
    slug = request.POST.get("workspace", "")
    workspace = access.workspaces_of(request.user).filter(slug=slug).first()
    if workspace is None:
        problem = "Choose one of your workspaces."
        raise Invalid(problem, fields={"workspace": [problem]})
    access.require(request.user, workspace, Role.MEMBER)
    name = request.POST.get("name", "").strip()
    return lifecycle.create_project(
        workspace=workspace,
        slug=request.POST.get("slug", "").strip() or slugify(name),
        name=name,
        description=request.POST.get("description", "").strip(),
        main_metric=request.POST.get("main_metric", "").strip(),
        main_metric_direction="max" if request.POST.get("direction") == "max" else "min",
    )
