"""Projects: made and described."""

from typing import Literal

from django.db import IntegrityError, transaction

from experiments.errors import Conflict
from experiments.models import Project, Workspace
from experiments.problems import Problems

Direction = Literal["min", "max"]


def create_project(
    *,
    workspace: Workspace,
    slug: str,
    name: str = "",
    description: str = "",
    main_metric: str = "",
    main_metric_direction: Direction = "min",
) -> Project:
    """A new project. Invalid for a bad slug or text, Conflict if the workspace has that slug."""
    problems = Problems()
    problems.slug("slug", slug)
    project = Project(workspace=workspace, slug=slug, main_metric_direction=main_metric_direction)
    _describe(project, problems, name=name or slug, description=description, metric=main_metric)
    problems.check()
    try:
        with transaction.atomic():
            project.save(force_insert=True)
    except IntegrityError:
        raise Conflict(
            f"Workspace {workspace.slug} has a project {slug!r} already.",
            code="slug_taken",
            fields={"slug": ["Taken: choose another."]},
        ) from None
    return project


def edit_project(
    project: Project,
    *,
    name: str | None = None,
    description: str | None = None,
    main_metric: str | None = None,
    main_metric_direction: Direction | None = None,
) -> Project:
    """Changes what is given and nothing else."""
    problems = Problems()
    changed = _describe(project, problems, name=name, description=description, metric=main_metric)
    if main_metric_direction is not None:
        project.main_metric_direction = main_metric_direction
        changed.append("main_metric_direction")
    problems.check()
    if changed:
        project.save(update_fields=changed)
    return project


def _describe(
    project: Project,
    problems: Problems,
    *,
    name: str | None,
    description: str | None,
    metric: str | None,
) -> list[str]:
    """Sets what is given; returns the names of the fields set."""
    changed = []
    if name is not None:
        project.name = problems.text("name", name, least=1, most=120)
        changed.append("name")
    if description is not None:
        project.description = problems.text("description", description, most=10_000, lines=True)
        changed.append("description")
    if metric is not None:
        project.main_metric = problems.text("main_metric", metric, most=250)
        changed.append("main_metric")
    return changed
